"""The small Redis, on which scripts are explored and limits simulated, against the real one."""

from collections.abc import Iterator
from random import Random
from typing import Any

import orjson
import pytest
from redis import Redis

from rerankq.ledger.accounts import Accounts, Limits, Report
from rerankq.ledger.circuits import Circuits, Trip
from rerankq.ledger.scripts import text_of
from rerankq.ledger.store import Argument
from running.exploration.ledger import Ledger, answer_of
from running.exploration.moves import moves
from running.exploration.world import World
from running.small_redis.keyspace import Keyspace
from running.small_redis.store import SmallStore

MOVES = 150
CLOCK = "redis.call('TIME')"


class Twins(SmallStore):
    """A store that asks the real Redis the same, and demands the same answer."""

    def __init__(self, real: Redis) -> None:
        super().__init__(Keyspace(1000 * int(real.time()[0])))
        self.real = real

    async def run(self, script: str, *arguments: Argument) -> Any:
        """Run a script on both; the real one is told what time it is."""
        self._let_go()
        answer = await super().run(script, *arguments)
        text = text_of(script)
        assert text.count(CLOCK) == 1
        seconds, ms = divmod(self.keyspace.now_ms, 1000)
        text = text.replace(CLOCK, f"{{{seconds}, {ms * 1000}}}")
        assert _plain(self.real.eval(text, 0, *arguments)) == _plain(answer)
        return answer

    async def command(self, *parts: Argument) -> Any:
        """Send a command to both."""
        self._let_go()
        answer = await super().command(*parts)
        assert _plain(self.real.execute_command(*parts)) == _plain(answer)
        return answer

    def check(self) -> None:
        """Both hold the same."""
        self._let_go()
        assert _contents(self.real) == _contents(SmallClient(self.keyspace))

    def _let_go(self) -> None:
        # The two clocks do not agree: what is gone here goes there, and comes back if it went early.
        for key in {*_keys(self.real)} - {*self.keyspace.keys()}:
            self.real.delete(key)
