"""Replaces the real store; the ledger's parts need no change."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from rerankq.store.refusals import reading, refusal
from rerankq.store.script import Argument, Call, Script
from rerankq.store.store import Store
from running.small_redis.commands import execute
from running.small_redis.keyspace import Keyspace
from running.small_redis.lua import Lua

T = TypeVar("T")


def text_of(script: Script[..., Any]) -> str:
    """The text of a script for keys without a namespace."""
    return script.text("")[0]


class SmallStore(Store):
    """A store on a small Redis. No call ever waits.

    Args:
        keyspace: the data; may be replaced between two calls.
        texts: the text of a script.
    """

    def __init__(
        self, keyspace: Keyspace, texts: Callable[[Script[..., Any]], str] = text_of
    ) -> None:
        super().__init__("redis://small")
        self.keyspace = keyspace
        self._texts = texts
        self._lua = Lua()
        self._callbacks = Redis().response_callbacks

    async def run(self, call: Call[T]) -> T:
        """Run a script."""
        try:
            return call.script.reply.read(self._run(call))
        except ResponseError as error:
            raise refusal(self.address, error) from None

    async def run_behind(self, command: Sequence[Argument], call: Call[T]) -> T:
        """Run a script after a command."""
        await self.command(*command)
        return await self.run(call)

    async def run_ahead_of(self, command: Sequence[Argument], call: Call[T]) -> tuple[T, Any]:
        """Run a script, then a command."""
        return await self.run(call), await self.command(*command)

    async def command(self, *parts: Argument) -> Any:
        """Send one command."""
        try:
            return self._answer(parts)
        except ResponseError as error:
            raise refusal(self.address, error) from None

    async def commands(
        self,
        *commands: tuple[Argument, ...],
        all_or_none: bool = False,  # noqa: ARG002  nothing comes between them
    ) -> list[Any]:
        """Send several commands."""
        return [await self.command(*each) for each in commands]

    async def readings(self, *commands: tuple[Argument, ...]) -> list[Any]:
        """Send several commands that read."""
        answers = []
        for parts in commands:
            try:
                answers.append(self._answer(parts))
            except ResponseError as error:
                answers.append(reading(error))
        return answers

    def _answer(self, parts: Sequence[Argument]) -> Any:
        answer = _in_resp3(str(parts[0]), execute(self.keyspace, *map(_sent, parts)))
        # The client library converts some answers.
        callback = self._callbacks.get(str(parts[0]))
        return callback(answer) if callback and answer is not None else answer

    def _run(self, call: Call[Any]) -> Any:
        told = [*map(_sent, call.arguments)]
        return self._lua.run(self._texts(call.script), self.keyspace, [], told)


def _in_resp3(command: str, answer: Any) -> Any:
    """An answer as a client gets it; scripts get answers of the older protocol."""
    match command, answer:
        case "HGETALL", [*parts]:
            return dict(zip(parts[::2], parts[1::2], strict=True))
        case "ZMSCORE", [*scores]:
            return [score if score is None else float(score) for score in scores]
        case _, str():
            return answer.encode()
        case _:
            return answer


def _sent(part: Argument) -> bytes:
    return part if isinstance(part, bytes) else str(part).encode()
