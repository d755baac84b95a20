"""The data of a small Redis: values with a type and, perhaps, an expiry time."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, TypeVar

from redis.exceptions import ResponseError


class Hash(dict[bytes, bytes]):
    """Fields with their values."""


class SortedSet(dict[bytes, float]):
    """Members with their scores."""


class List(tuple[bytes, ...]):
    """Values in their order."""

    __slots__ = ()


class Set(frozenset[bytes]):
    """Members in no order."""


class Text(bytes):
    """A string."""


Value = Hash | SortedSet | List | Set | Text
V = TypeVar("V", Hash, SortedSet, List, Set, Text)

KINDS: Final[dict[type[Value], str]] = {
    Text: "string",
    Hash: "hash",
    SortedSet: "zset",
    List: "list",
    Set: "set",
}
"""The types, as TYPE names them."""


class Keyspace:
    """Keys and their values.

    A command never changes a value, but replaces it by a new one. So a copy is cheap, and later
    changes of one copy do not affect the other.

    Args:
        now_ms: Redis' clock, in ms since the epoch.
        values: the values at first.
        ends: the times in ms at which keys expire.
    """

    __slots__ = ("_ends", "_values", "now_ms")

    def __init__(
        self,
        now_ms: int = 0,
        values: Mapping[bytes, Value] = MappingProxyType({}),
        ends: Mapping[bytes, int] = MappingProxyType({}),
    ) -> None:
        self.now_ms = now_ms
        self._values = dict(values)
        self._ends = dict(ends)

    def copy(self) -> "Keyspace":
        """An independent copy."""
        return Keyspace(self.now_ms, self._values, self._ends)

    def clear(self) -> None:
        """Delete all keys."""
        self._values.clear()
        self._ends.clear()

    def set_clock(self, now_ms: int) -> None:
        """Set Redis' clock, and delete the keys that have expired."""
        self.now_ms = now_ms
        for key in [key for key, end in self._ends.items() if end <= now_ms]:
            self.delete(key)

    def get(self, key: bytes, kind: type[V]) -> V | None:
        """The value of a key; None if there is none.

        Raises:
            ResponseError: the value is of another type.
        """
        value = self._values.get(key)
        if value is None or type(value) is kind:
            return value
        raise ResponseError("WRONGTYPE Operation against a key holding the wrong kind of value")

    def put(self, key: bytes, value: Value) -> None:
        """Store a value; the key's expiry stays. As in Redis, an empty collection is deleted."""
        if value or isinstance(value, Text):
            self._values[key] = value
        else:
            self.delete(key)

    def delete(self, key: bytes) -> bool:
        """Delete a key; returns whether it existed."""
        self._ends.pop(key, None)
        return self._values.pop(key, None) is not None

    def rename(self, key: bytes, new: bytes) -> None:
        """Give a key another name; its expiry stays.

        Raises:
            ResponseError: there is no such key.
        """
        if key not in self._values:
            raise ResponseError("ERR no such key")
        value, end = self._values.pop(key), self._ends.pop(key, None)
        self._values[new] = value
        self._ends.pop(new, None)
        if end is not None:
            self._ends[new] = end

    def end(self, key: bytes) -> int | None:
        """The time in ms at which a key expires; None if it does not."""
        return self._ends.get(key)

    def end_at(self, key: bytes, at_ms: int | None) -> bool:
        """Set or remove a key's expiry; returns whether the key exists."""
        if key not in self._values:
            return False
        if at_ms is None:
            self._ends.pop(key, None)
        elif at_ms <= self.now_ms:
            self.delete(key)
        else:
            self._ends[key] = at_ms
        return True

    def has(self, key: bytes) -> bool:
        """Whether there is such a key."""
        return key in self._values

    def kind(self, key: bytes) -> str:
        """The type of a key, as TYPE names it."""
        value = self._values.get(key)
        return "none" if value is None else KINDS[type(value)]

    def keys(self) -> list[bytes]:
        """All keys."""
        return [*self._values]

    def fingerprint(self) -> int:
        """Equal for the same data at the same time."""
        parts: list[object] = [self.now_ms, tuple(sorted(self._ends.items()))]
        for key, value in sorted(self._values.items()):
            contents = tuple(sorted(value.items())) if isinstance(value, dict) else value
            parts += (key, contents)
        return hash(tuple(parts))
