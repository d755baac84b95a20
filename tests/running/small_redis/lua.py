"""Runs scripts in the Lua version of Redis, with the same conversions of types.

Source of the conversions and of what a script may call: redis.io, "Redis Lua API reference".
Numbers in JSON are written with 14 digits, as Redis' cjson does.
"""

from collections.abc import Callable
from typing import Any, Final

import lupa.lua51
import orjson
from redis.exceptions import ResponseError

from running.small_redis.arguments import Answer
from running.small_redis.commands import execute
from running.small_redis.keyspace import Keyspace

_COMPILE: Final = (
    b"function(text) return assert(loadstring('local KEYS, ARGV = ...\\n' .. text)) end"
)
# Errors are passed as values: an error raised in Python would reach pcall as a Python object.
_GUARD: Final = b"""function(call)
  return function(...)
    local answer = call(...)
    if type(answer) == 'table' and answer.err then error(answer, 0) end
    return answer
  end
end"""
_CAUGHT: Final = b"""function(script, keys, arguments)
  return pcall(script, keys, arguments)
end"""


class Lua:
    """An interpreter that compiles each script once."""

    def __init__(self) -> None:
        # Bytes on both sides, because a payload is not text.
        self._lua = lupa.lua51.LuaRuntime(encoding=None)
        self._compile: Any = self._lua.eval(_COMPILE)
        self._caught: Any = self._lua.eval(_CAUGHT)
        self._compiled: dict[str, Any] = {}
        self._keyspace = Keyspace()
        self._null: Final = object()
        guard: Callable[[Any], Any] = self._lua.eval(_GUARD)
        table = self._lua.table_from
        world: Any = self._lua.globals()
        world[b"redis"] = table({b"call": guard(self._call), b"pcall": self._call})
        world[b"cjson"] = table(
            {b"encode": self._encode, b"decode": self._decode, b"null": self._null}
        )

    def run(
        self, text: str, keyspace: Keyspace, keys: list[bytes], arguments: list[bytes]
    ) -> Answer:
        """Run a script on this data.

        Raises:
            ResponseError: one of its commands was refused, or the script failed.
        """
        if text not in self._compiled:
            self._compiled[text] = self._compile(text.encode())
        self._keyspace = keyspace
        table = self._lua.table_from
        outcome = self._caught(self._compiled[text], table(keys), table(arguments))
        if outcome is True:
            return None
        sound, answer = outcome
        if sound:
            return self._told(answer)
        words = answer[b"err"] if lupa.lua51.lua_type(answer) == "table" else answer
        raise ResponseError(words.decode() if isinstance(words, bytes) else str(words))

    def _call(self, *parts: Any) -> Any:
        try:
            return self._given(execute(self._keyspace, *map(_as_argument, parts)))
        except ResponseError as error:
            return self._lua.table_from({b"err": str(error).encode()})

    def _given(self, answer: Answer) -> Any:
        """An answer of Redis in the form that a script gets."""
        if answer is None:
            return False
        if isinstance(answer, str):
            return self._lua.table_from({b"ok": answer.encode()})
        if isinstance(answer, list):
            return self._lua.table_from([self._given(each) for each in answer])
        return answer

    def _told(self, answer: Any) -> Answer:
        """What a script returned, in the form that a client gets."""
        if answer is None or answer is False:
            return None
        if isinstance(answer, int | float):
            return int(answer)
        if lupa.lua51.lua_type(answer) != "table":
            return answer
        if answer[b"ok"] is not None:
            return answer[b"ok"].decode()
        listed: list[Answer] = []
        while (each := answer[len(listed) + 1]) is not None:
            listed.append(self._told(each))
        return listed

    def _encode(self, value: Any) -> bytes:
        if value is None or value is self._null:
            return b"null"
        if isinstance(value, bool):
            return b"true" if value else b"false"
        if isinstance(value, int | float):
            return _number(value)
        if isinstance(value, bytes):
            return orjson.dumps(value.decode("utf-8", "surrogateescape"))
        pairs = dict(value.items())
        if pairs and all(isinstance(name, int) for name in pairs):
            return b"[%b]" % b",".join(self._encode(pairs[name]) for name in sorted(pairs))
        fields = sorted((_as_argument(name), self._encode(each)) for name, each in pairs.items())
        return b"{%b}" % b",".join(b"%b:%b" % (orjson.dumps(n.decode()), e) for n, e in fields)

    def _decode(self, text: bytes) -> Any:
        return self._decoded(orjson.loads(text))

    def _decoded(self, value: Any) -> Any:
        match value:
            case None:
                return self._null
            case str():
                return value.encode()
            case list():
                return self._lua.table_from([self._decoded(each) for each in value])
            case dict():
                fields = {name.encode(): self._decoded(each) for name, each in value.items()}
                return self._lua.table_from(fields)
            case _:
                return value


def _number(value: float) -> bytes:
    if value != value or value in (float("inf"), float("-inf")):  # noqa: PLR0124  NaN
        raise ResponseError("Cannot serialise number: must not be NaN or Inf")
    return f"{value:.14g}".encode()


def _as_argument(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return b"%d" % value if value == int(value) else f"{value:.17g}".encode()
    raise ResponseError("Lua redis lib command arguments must be strings or integers")
