"""The few commands of Redis that `allot.lua` uses, on dictionaries."""

from collections import defaultdict
from collections.abc import Callable
from typing import Any

Reply = str | int | float | bool | list[Any]


class Memory:
    """Hashes and sorted sets. Numbers are kept as text, and lists answered, as Redis does.

    Args:
        clock: seconds since the epoch.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.hashes: defaultdict[str, dict[str, str]] = defaultdict(dict)
        self.sets: defaultdict[str, dict[str, float]] = defaultdict(dict)

    def clear(self) -> None:
        """FLUSHALL: somebody deleted the keys."""
        self.hashes.clear()
        self.sets.clear()

    def call(self, command: str, *arguments: Any) -> Reply:
        """A command, as `redis.call` of a script sends it."""
        run: Callable[..., Reply] = getattr(self, f"_{command.lower()}")
        return run(*arguments)

    def _time(self) -> Reply:
        now = self._clock()
        return [int(now), int(now % 1 * 1e6)]

    def _hgetall(self, key: str) -> Reply:
        return [part for pair in self.hashes[key].items() for part in pair]

    def _hget(self, key: str, field: str) -> Reply:
        return self.hashes[key].get(field, False)

    def _hvals(self, key: str) -> Reply:
        return [*self.hashes[key].values()]

    def _hset(self, key: str, *pairs: Any) -> Reply:
        self.hashes[key].update(zip(pairs[::2], map(_text, pairs[1::2]), strict=True))
        return 0

    def _hdel(self, key: str, *fields: str) -> Reply:
        for field in fields:
            self.hashes[key].pop(field, None)
        return 0

    def _zadd(self, key: str, score: float, member: str) -> Reply:
        self.sets[key][member] = score
        return 0

    def _zrem(self, key: str, member: str) -> Reply:
        self.sets[key].pop(member, None)
        return 0

    def _exists(self, key: str) -> Reply:
        return int(bool(self.hashes[key]))

    def _zcount(self, key: str, above: str, _most: str) -> Reply:
        least = float(above.removeprefix("("))
        return sum(score > least for score in self.sets[key].values())

    def _zrangebyscore(self, key: str, _least: str, most: float) -> Reply:
        return [member for member, score in self.sets[key].items() if score <= most]

    def _sadd(self, *_: Any) -> Reply:
        return 0

    _pexpire = _sadd


def _text(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:.17g}"
