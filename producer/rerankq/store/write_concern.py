"""What a promise of the ledger must have reached before it is given: memory, a disk, or replicas.

A promise is the answer to a submit, to a sealed or cancelled batch, or to the end of a job. The
commands that wait for it are sent behind the script, in the same round trip and on the same
connection: Redis waits for the writes of that connection. So many jobs that are recorded in one
call cost one wait.

Source: https://redis.io/docs/latest/commands/waitaof/ and https://redis.io/docs/latest/commands/wait/
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from time import monotonic
from typing import Any, Final

from redis import exceptions
from redis.asyncio import Redis

from rerankq.store.keys import Keys
from rerankq.store.refusals import NotConfirmedError

WAIT_SECONDS: Final = 3.0
"""How long Redis waits for its disk or its replicas."""
CHECK_SECONDS: Final = 30.0
"""How often it is checked that Redis still syncs each write, if it has no WAITAOF."""
NO_WAITAOF: Final = (
    "does not sync each write to its disk, which RERANKQ_DURABILITY=disk demands of a server "
    "without WAITAOF: set appendonly yes and appendfsync always, or take Redis 7.2 or Valkey"
)
NO_APPEND_ONLY_FILE: Final = (
    "has no append-only file, which RERANKQ_DURABILITY=disk demands: set appendonly yes"
)
MAY_NOT_ASK: Final = (
    "does not tell whether it syncs each write: give this user +config|get, or take Redis 7.2 or "
    "Valkey, where +waitaof is enough (RERANKQ_DURABILITY=disk)"
)


class Durability(StrEnum):
    """Where a promise must be, before it is given."""

    MEMORY = "memory"
    DISK = "disk"
    REPLICA = "replica"


@dataclass(frozen=True, slots=True)
class WriteConcern:
    """What promises of the ledger must survive.

    Attributes:
        durability: `memory`: nothing is waited for; `disk`: the primary's disk has it; `replica`:
            so many replicas have it in their memory.
        replicas: how many, for `replica`.
    """

    durability: Durability = Durability.MEMORY
    replicas: int = 1


IN_MEMORY: Final = WriteConcern()


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
        self._has_waitaof = True
        self._checked_at: float | None = None
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
        if self._has_waitaof:
            return "WAITAOF", 1, 0, self._wait_ms
        return ("PING",)

    async def check(self, redis: Redis, answer: Any) -> None:
        """Check what the command that waits has answered.

        Raises:
            NotConfirmedError: the promise is recorded, but may not survive.
        """
        if self._concern.durability is Durability.REPLICA:
            _raise_if_refused(answer)
            if answer < self._concern.replicas:
                raise NotConfirmedError(
                    f"has recorded it, but after {self._wait_ms / 1000:g} s {answer} of "
                    f"{self._concern.replicas} replicas had it (RERANKQ_DURABILITY_REPLICAS): see "
                    "whether they follow, then repeat it"
                )
            return
        if self._has_waitaof and not _is_unknown(answer):
            if isinstance(answer, exceptions.ResponseError) and "appendonly" in str(answer):
                raise NotConfirmedError(NO_APPEND_ONLY_FILE, lasting=True)
            _raise_if_refused(answer)
            if answer[0] < 1:
                waited = f"{self._wait_ms / 1000:g} s"
                raise NotConfirmedError(
                    f"has recorded it, but has not synced it to its disk in {waited}: see its disk "
                    "and appendfsync, then repeat it"
                )
            return
        self._has_waitaof = False
        await self._check_settings(redis)

    async def _check_settings(self, redis: Redis) -> None:
        """Without WAITAOF: Redis must sync each write before it answers."""
        if self._checked_at is not None and monotonic() - self._checked_at < CHECK_SECONDS:
            return
        try:
            settings = await redis.config_get("append*")
        except exceptions.ResponseError:
            raise NotConfirmedError(MAY_NOT_ASK, lasting=True) from None
        told = {_text(name): _text(value) for name, value in settings.items()}
        if told.get("appendonly") != "yes" or told.get("appendfsync") != "always":
            # It may be another server soon, which has the command.
            self._has_waitaof = True
            raise NotConfirmedError(NO_WAITAOF, lasting=True)
        self._checked_at = monotonic()


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


def _raise_if_refused(answer: Any) -> None:
    if isinstance(answer, Exception):
        raise answer


def _is_unknown(answer: Any) -> bool:
    return isinstance(answer, exceptions.ResponseError) and "unknown command" in str(answer).lower()


def _text(value: object) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
