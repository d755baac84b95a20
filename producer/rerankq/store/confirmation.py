"""Waits until a promise of the ledger has reached what `WriteConcern` demands.

A promise is the answer to a submit, to a sealed or cancelled batch, or to the end of a job. The
commands that wait for it are sent behind the script, in the same round trip and on the same
connection: Redis waits for the writes of that connection. So many jobs that are recorded in one
call cost one wait.

Source: https://redis.io/docs/latest/commands/waitaof/ and https://redis.io/docs/latest/commands/wait/
"""

from collections.abc import Sequence
from enum import Enum
from time import monotonic
from typing import Any, Final

from redis import exceptions
from redis.asyncio import Redis

from rerankq.store.keys import Keys
from rerankq.store.refusals import NotConfirmedError
from rerankq.store.write_concern import Durability, WriteConcern

WAIT_SECONDS: Final = 3.0
"""How long Redis waits for its disk or its replicas."""
CHECK_SECONDS: Final = 30.0
"""How often it is looked up how Redis syncs; also after each failure: it may be another server."""
HONEST_WAITAOF: Final = (8, 0)
"""From this version of Redis on WAITAOF waits for the sync also with `appendfsync everysec`. Before
(https://github.com/redis/redis/pull/13793), and in Valkey up to 9.1, it may answer a second too
early. Valkey calls itself Redis 7.2.4."""
NOT_SYNCED: Final = (
    "does not sync each write to its disk, which RERANKQ_DURABILITY=disk demands: set appendonly "
    "yes and appendfsync always, or take Redis 8, where everysec is enough"
)
NO_APPEND_ONLY_FILE: Final = (
    "has no append-only file, which RERANKQ_DURABILITY=disk demands: set appendonly yes"
)
MAY_NOT_ASK: Final = (
    "does not tell whether it syncs each write, which RERANKQ_DURABILITY=disk demands: give this "
    "user +config|get, or for Redis 8 +info and +waitaof"
)


MAY_NOT_WAIT: Final = (
    "has recorded it, but forbids this user to wait for what RERANKQ_DURABILITY demands: add +wait "
    "for replica, and +waitaof for disk, to its ACL"
)


class _Sync(Enum):
    """How it is known that a write is on the disk."""

    UNKNOWN = 0
    EACH = 1
    """Redis answers a write only when it is."""
    WAITED_FOR = 2


class Confirmation:
    """Waits for promises on the connections of one event loop.

    Args:
        concern: what they must survive.
        keys: the names of keys there.
        answer_seconds: how long a call may take: the wait is shorter.
    """

    def __init__(self, concern: WriteConcern, keys: Keys, answer_seconds: float | None) -> None:
        self._concern = concern
        self._keys = keys
        seconds = min(WAIT_SECONDS, (answer_seconds or WAIT_SECONDS * 2) / 2)
        self._wait_ms = int(seconds * 1000)
        self._sync = _Sync.UNKNOWN
        self._checked_at = 0.0
        self.is_wanted = concern.durability is not Durability.MEMORY

    def write(self) -> tuple[str, ...]:
        """A small write, sent with each promise.

        Redis waits for the last write of a connection. A repeated call may write nothing, and then
        would not wait for what its first try has written on another connection.
        """
        return "SET", self._keys.confirmed, "1"

    def wait(self) -> tuple[str | int, ...]:
        """The command that waits."""
        if self._concern.durability is Durability.REPLICA:
            return "WAIT", self._concern.replicas, self._wait_ms
        if monotonic() - self._checked_at > CHECK_SECONDS:
            self.forget()
        if self._sync is _Sync.WAITED_FOR:
            return self._waitaof()
        return ("PING",)

    def forget(self) -> None:
        """Look up again how Redis syncs: it may be another server."""
        self._sync = _Sync.UNKNOWN

    async def check(self, redis: Redis, answer: Any) -> None:
        """Check what the command that waits has answered.

        Raises:
            NotConfirmedError: the promise is recorded, but may not survive.
        """
        _raise_if_not_waited(answer)
        if self._concern.durability is Durability.REPLICA:
            self._check_replicas(answer)
        elif self._sync is _Sync.WAITED_FOR:
            self._check_disk(answer)
        elif self._sync is _Sync.UNKNOWN:
            await self._look_up(redis)

    def _check_replicas(self, count: int) -> None:
        if count < self._concern.replicas:
            raise NotConfirmedError(
                f"has recorded it, but after {self._wait_ms / 1000:g} s {count} of "
                f"{self._concern.replicas} replicas had it (RERANKQ_DURABILITY_REPLICAS): see "
                "whether they follow, then repeat it"
            )

    def _check_disk(self, synced: Sequence[int]) -> None:
        if synced[0] < 1:
            raise NotConfirmedError(
                "has recorded it, but has not synced it to its disk in "
                f"{self._wait_ms / 1000:g} s: see its disk and appendfsync, then repeat it"
            )

    async def _look_up(self, redis: Redis) -> None:
        """Find out how Redis syncs; if it has to be waited for, wait here for all until now."""
        if await _has_honest_waitaof(redis):
            async with redis.pipeline(transaction=False) as pipeline:
                pipeline.execute_command(*self.write())
                pipeline.execute_command(*self._waitaof())
                _, synced = await pipeline.execute(raise_on_error=False)
            _raise_if_not_waited(synced)
            self._check_disk(synced)
            self._sync = _Sync.WAITED_FOR
        else:
            await _check_settings(redis)
            self._sync = _Sync.EACH
        self._checked_at = monotonic()

    def _waitaof(self) -> tuple[str | int, ...]:
        return "WAITAOF", 1, 0, self._wait_ms


async def _has_honest_waitaof(redis: Redis) -> bool:
    try:
        told = await redis.info("server")
    except exceptions.NoPermissionError:
        return False
    numbers = str(told.get("redis_version", "")).split(".")[:2]
    return all(map(str.isdecimal, numbers)) and tuple(map(int, numbers)) >= HONEST_WAITAOF


async def _check_settings(redis: Redis) -> None:
    try:
        settings = await redis.config_get("append*")
    except exceptions.NoPermissionError:
        raise NotConfirmedError(MAY_NOT_ASK, lasting=True) from None
    told = {_text(name): _text(value) for name, value in settings.items()}
    if told.get("appendonly") != "yes":
        raise NotConfirmedError(NO_APPEND_ONLY_FILE, lasting=True)
    if told.get("appendfsync") != "always":
        raise NotConfirmedError(NOT_SYNCED, lasting=True)


def confirmed_in_one(
    commands: Sequence[Sequence[Any]], confirmation: Confirmation, *, transaction: bool
) -> list[Sequence[Any]]:
    """The commands with the small write and the wait, to be sent together."""
    writes = [*commands, confirmation.write()]
    if transaction:
        # Redis does not wait within a transaction, so the command stands behind it.
        writes = [("MULTI",), *writes, ("EXEC",)]
    return [*writes, confirmation.wait()]


def answers_of(answers: list[Any], count: int, *, transaction: bool) -> tuple[list[Any], Any]:
    """The answers to these commands, and that of the wait.

    Raises:
        RedisError: Redis did not carry out the transaction.
    """
    *answers, waited = answers
    if transaction:
        refused = next((each for each in answers if isinstance(each, Exception)), None)
        if refused:
            raise refused
        answers = answers[-1]
    _raise_if_refused(answers[count])
    return answers[:count], waited


def _raise_if_not_waited(answer: Any) -> None:
    if isinstance(answer, exceptions.NoPermissionError):
        raise NotConfirmedError(MAY_NOT_WAIT, lasting=True)
    if isinstance(answer, exceptions.ResponseError) and "appendonly" in str(answer):
        raise NotConfirmedError(NO_APPEND_ONLY_FILE, lasting=True)
    _raise_if_refused(answer)


def _raise_if_refused(answer: Any) -> None:
    if isinstance(answer, Exception):
        raise answer


def _text(value: object) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
