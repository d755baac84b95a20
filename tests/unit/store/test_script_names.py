"""Which names the Lua of each script uses, read from its compiled form."""

import struct
from collections.abc import Iterator
from importlib import import_module
from typing import Any, Final

import lupa.lua51
import pytest

from rerankq.store.script import Script

MODULES: Final = ("accounts.scripts", "broker.quarantine", "ledger.scripts", "store.first_contact")
SCRIPTS: Final[list[Script[..., Any]]] = [
    each
    for module in MODULES
    for each in vars(import_module(f"rerankq.{module}")).values()
    if isinstance(each, Script)
]
REDIS_HAS: Final = {
    *("redis", "cjson", "math", "string", "table", "KEYS", "ARGV"),
    *("error", "ipairs", "next", "pairs", "pcall", "tonumber", "tostring", "type", "unpack"),
}
GET_GLOBAL, SET_GLOBAL = 5, 7
HEADER_BYTES: Final = 12


class Compiled:
    """A dumped Lua 5.1 function. Source of the form: `ldump.c` of Lua 5.1, on 64 bits."""

    def __init__(self, dump: bytes) -> None:
        self._dump = dump
        self._at = HEADER_BYTES

    def globals(self) -> Iterator[str]:
        """The names of the globals that it reads or sets, and the functions within it too."""
        self._text()
        self._at += 2 * 4 + 4
        code = [self._number() for _ in range(self._number())]
        constants = [self._constant() for _ in range(self._number())]
        for instruction in code:
            if instruction & 0x3F in (GET_GLOBAL, SET_GLOBAL):
                yield str(constants[instruction >> 14])
        for _ in range(self._number()):
            yield from self.globals()
        for _ in range(self._number()):
            self._number()
        for _ in range(self._number()):
            self._text()
            self._at += 2 * 4
        for _ in range(self._number()):
            self._text()

    def _constant(self) -> object:
        match self._take("B"):
            case 1:
                return self._take("B")
            case 3:
                return self._take("d")
            case 4:
                return self._text()
        return None

    def _text(self) -> str:
        size = self._take("Q")
        self._at += size
        return self._dump[self._at - size : self._at - 1].decode() if size else ""

    def _number(self) -> int:
        return int(self._take("I"))

    def _take(self, form: str) -> Any:
        (value,) = struct.unpack_from(f"<{form}", self._dump, self._at)
        self._at += struct.calcsize(f"<{form}")
        return value


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_a_script_uses_no_name_that_none_of_its_files_defines(script: Script[..., Any]) -> None:
    """What a file of a script uses of another, the other defines for all that follow it."""
    lua: Any = lupa.lua51.LuaRuntime(encoding=None)
    dump = lua.eval(b"function(text) return string.dump(assert(loadstring(text))) end")
    text, _ = script.text("")
    assert set(Compiled(dump(text.encode())).globals()) <= REDIS_HAS
