"""Runs the real scripts, in the Lua that Redis has, on the commands of `memory`."""

import asyncio
from typing import Any, Final

import lupa.lua51
import orjson

from rerankq.errors import LedgerUnavailable
from rerankq.ledger.scripts import text_of
from rerankq.ledger.store import Argument, Store
from throttling.simulation.memory import Memory

ROUND_TRIP_SECONDS: Final = 0.001


class ScriptedStore(Store):
    """A store whose scripts run in this process.

    Attributes:
        runs: how many scripts ran.
        away: whether Redis cannot be reached.
    """

    def __init__(self, memory: Memory) -> None:
        super().__init__("redis://nowhere")
        self.runs = 0
        self.away = False
        self._lua = lupa.lua51.LuaRuntime()
        self._null = object()
        self._compile = self._lua.eval(
            "function(text) return assert(loadstring('local ARGV = ...\\n' .. text)) end"
        )
        self._scripts: dict[str, Any] = {}
        table = self._lua.table_from
        lua: Any = self._lua.globals()
        lua.cjson = table({"encode": self._encoded, "decode": self._decoded, "null": self._null})
        lua.redis = table({"call": lambda *parts: self._table(memory.call(*parts))})

    async def run(self, script: str, *arguments: Argument) -> Any:
        """Run the script of that name."""
        await asyncio.sleep(ROUND_TRIP_SECONDS)
        if self.away:
            raise LedgerUnavailable("Redis is away")
        self.runs += 1
        texts = [each.decode() if isinstance(each, bytes) else each for each in arguments]
        answer = self._compiled(script)(self._table(texts))
        # As Redis does: bytes.
        return answer.encode() if isinstance(answer, str) else answer

    def _compiled(self, script: str) -> Any:
        if script not in self._scripts:
            self._scripts[script] = self._compile(text_of(script))
        return self._scripts[script]

    def _table(self, value: Any) -> Any:
        return self._lua.table_from(value) if isinstance(value, list) else value

    def _encoded(self, value: Any) -> str:
        return orjson.dumps(self._plain(value)).decode()

    def _plain(self, value: Any) -> Any:
        if value is self._null:
            return None
        if lupa.lua51.lua_type(value) == "table":
            return {name: self._plain(each) for name, each in value.items()}
        return value

    def _decoded(self, text: str) -> Any:
        return self._lua.table_from(orjson.loads(text), recursive=True)
