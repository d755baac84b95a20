"""The seam to Redis: one connection pool, commands and scripts."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Self, TypeVar

from redis import exceptions
from redis.asyncio import Redis

from rerankq.errors import ClientClosed, SettingsError
from rerankq.store.address import RedisAddress
from rerankq.store.answers import Answers
from rerankq.store.confirmation import Confirmation, answers_of, confirmed_in_one
from rerankq.store.connections import ONCE, Connections
from rerankq.store.keys import Keys
from rerankq.store.on_connect import greet
from rerankq.store.per_loop import PerLoop
from rerankq.store.pools import address_of, connection_pool
from rerankq.store.refusals import name_key, reading
from rerankq.store.script import Argument, Call
from rerankq.store.subscription import Subscription
from rerankq.store.write_concern import IN_MEMORY, WriteConcern

T = TypeVar("T")

BESIDE_FROM: Final = 4
"""From this many payloads or results on, they are sent by commands beside the script, in a
transaction. Fewer are sent as its arguments, which costs the client less."""


@dataclass(frozen=True, slots=True)
class Retention:
    """How long is kept, in seconds, what ended: results, and failed jobs with their payloads.

    `usage_days`: for how many days it is kept what calls have used.
    """

    result_seconds: float
    dead_seconds: float
    usage_days: int = 400

    @property
    def result_ms(self) -> int:
        """For results, in ms, as the scripts expect it."""
        return int(self.result_seconds * 1000)

    @property
    def dead_ms(self) -> int:
        """For dead letters, in ms, as the scripts expect it."""
        return int(self.dead_seconds * 1000)


class Store:
    """A Redis, with connections for each event loop.

    Args:
        url: address, in one of the forms of `rerankq.store.address`.
        namespace: what every key there begins with; see `Keys`.
        answer_seconds: how long to wait for an answer before a command counts as unanswered;
            None for the address's time limit, or else `ANSWER_SECONDS`.
        recovered: called with the seconds for which Redis carried out no call, when it does again.
        concern: what the answers to promises must survive.

    Attributes:
        keys: the names of all keys there.

    Raises:
        SettingsError: the address or the namespace is not valid.
    """

    def __init__(
        self,
        url: str,
        namespace: str = "",
        *,
        answer_seconds: float | None = None,
        recovered: Callable[[float], None] | None = None,
        concern: WriteConcern = IN_MEMORY,
    ) -> None:
        address = address_of(url)
        self.address = address.shown
        self.keys = _keys(namespace)
        self._closed = False
        self._connections = PerLoop(
            partial(_connections, address, self.keys, answer_seconds, recovered, concern),
            Connections.close,
        )

    @property
    def answers(self) -> Answers:
        """The calls of the running loop that wait for an answer."""
        return self._own().answers

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections. Calls that are under way end first; new ones are refused."""
        self._closed = True
        await self._connections.close()

    async def run(self, call: Call[T]) -> T:
        """Run a script and return its answer.

        Raises:
            LedgerUnavailable: Redis cannot be reached, or refuses.
            ClientClosed: the store was closed, as for every other call.
        """
        if call.script.is_promise and self._own().confirmation.is_wanted:
            return call.script.reply.read((await self._with_script(call))[0])
        text, digest = call.script.text(self.keys.namespace)

        async def ask(redis: Redis) -> Any:
            try:
                return await redis.evalsha(digest, 0, *call.arguments)
            except exceptions.NoScriptError:
                return await redis.eval(text, 0, *call.arguments)

        return call.script.reply.read(await self._answered(ask))

    async def run_behind(self, command: Sequence[Argument], call: Call[T]) -> T:
        """Run a command and then a script, in one transaction; returns the script's answer.

        The command carries large values: Lua hashes every byte that a script is given.

        Raises:
            LedgerUnavailable: Redis cannot be reached, or refuses; then neither was carried out.
        """
        _, answer = await self._with_script(call, before=command)
        return call.script.reply.read(answer)

    async def run_ahead_of(self, command: Sequence[Argument], call: Call[T]) -> tuple[T, Any]:
        """Run a script, then a command, in one round trip; returns both answers.

        Raises:
            LedgerUnavailable: Redis cannot be reached, or refuses.
        """
        answer, behind = await self._with_script(call, after=command)
        return call.script.reply.read(answer), behind

    async def _with_script(
        self,
        call: Call[Any],
        *,
        before: Sequence[Argument] = (),
        after: Sequence[Argument] = (),
    ) -> list[Any]:
        text, digest = call.script.text(self.keys.namespace)

        own = self._own()
        confirmation = own.confirmation if call.script.is_promise else None

        async def ask(redis: Redis) -> list[Any]:
            answers, waited = await sent(redis, "EVALSHA", digest)
            if any(isinstance(each, exceptions.NoScriptError) for each in answers):
                answers, waited = await sent(redis, "EVAL", text)
            for each in answers:
                if isinstance(each, exceptions.RedisError):
                    raise each
            if confirmation and confirmation.is_wanted:
                await confirmation.check(redis, waited)
            return answers

        def sent(redis: Redis, how: str, named: str) -> Awaitable[tuple[list[Any], Any]]:
            parts = [*filter(None, (before, (how, named, 0, *call.arguments), after))]
            return _sent(redis, parts, confirmation, transaction=bool(before))

        return await own.answered(ask, is_promise=confirmation is not None)

    async def command(self, *parts: Argument) -> Any:
        """Send one command.

        Raises:
            LedgerUnavailable: Redis cannot be reached, or refuses.
        """

        async def ask(redis: Redis) -> Any:
            try:
                return await redis.execute_command(*parts)  # type: ignore[no-untyped-call]
            except exceptions.ResponseError as error:
                if len(parts) > 1:
                    name_key(error, parts[1])
                raise

        return await self._answered(ask)

    async def commands(
        self, *commands: tuple[Argument, ...], all_or_none: bool = False
    ) -> list[Any]:
        """Send several commands in one round trip.

        Args:
            *commands: each with its arguments.
            all_or_none: make them one transaction. Not for reading: a Redis whose memory is full
                refuses all transactions.

        Raises:
            LedgerUnavailable: Redis cannot be reached, or refuses.
        """
        return await self._answered(lambda redis: _piped(redis, commands, transaction=all_or_none))

    async def readings(self, *commands: tuple[Argument, ...]) -> list[Any]:
        """Send several commands that read, in one round trip; returns all answers.

        For a key of another type the answer is None, as for one that does not exist: one damaged
        key must not hide the other answers.

        Raises:
            LedgerUnavailable: Redis cannot be reached, or refuses.
        """

        async def ask(redis: Redis) -> list[Any]:
            answers = await _piped(redis, commands, raise_on_error=False)
            return [reading(each) for each in answers]

        return await self._answered(ask)

    def subscription(self, told: Callable[[str], None]) -> Subscription:
        """A subscription to published messages, on a connection of its own.

        Args:
            told: called with a channel when something may have been published there; see
                `Subscription`.
        """
        return Subscription(self._own().another, told)

    def apart(self) -> Any:
        """One more connection of the redis library, of its own, not yet opened."""
        return self._own().another()

    async def _answered(self, ask: Callable[[Redis], Awaitable[T]]) -> T:
        return await self._own().answered(ask)

    def _own(self) -> Connections:
        if self._closed:
            raise ClientClosed
        return self._connections.get()


def _connections(
    address: RedisAddress,
    keys: Keys,
    answer_seconds: float | None,
    recovered: Callable[[float], None] | None,
    concern: WriteConcern,
) -> Connections:
    pool = connection_pool(
        address,
        answer_seconds=answer_seconds,
        retry=ONCE,
        redis_connect_func=partial(greet, keys.namespace),
    )
    seconds = pool.connection_kwargs["socket_timeout"]
    confirmation = Confirmation(concern, keys, seconds)
    return Connections(Redis.from_pool(pool), address.shown, confirmation, recovered)


async def _sent(
    redis: Redis,
    commands: Sequence[Sequence[Argument]],
    confirmation: Confirmation | None,
    *,
    transaction: bool,
) -> tuple[list[Any], Any]:
    """The answers to commands that write, and what is said of their survival, if it is asked."""
    if confirmation is None or not confirmation.is_wanted:
        return (
            await _piped(redis, commands, transaction=transaction, raise_on_error=False),
            None,
        )
    together = confirmed_in_one(commands, confirmation, transaction=transaction)
    answers = await _piped(redis, together, raise_on_error=False)
    return answers_of(answers, len(commands), transaction=transaction)


async def _piped(
    redis: Redis,
    commands: Iterable[Sequence[Argument]],
    *,
    transaction: bool = False,
    raise_on_error: bool = True,
) -> list[Any]:
    async with redis.pipeline(transaction=transaction) as pipeline:
        for parts in commands:
            pipeline.execute_command(*parts)
        return await pipeline.execute(raise_on_error=raise_on_error)


def _keys(namespace: str) -> Keys:
    try:
        return Keys(namespace)
    except ValueError as error:
        raise SettingsError(f"RERANKQ_NAMESPACE: {error}") from None
