"""Writes outcomes (ends and postponements) to the ledger, many in one call.

An empty call costs Redis as much as seven outcomes, and costs the worker even more. So the first
outcome is written at once, and those that follow shortly after are written together.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from rerankq.errors import LedgerRefusal, LedgerUnavailable
from rerankq.events import (
    Event,
    Events,
    JobRef,
    LedgerCallFailed,
    LedgerOperation,
    OutcomeDropped,
    OutcomeRefused,
)
from rerankq.ledger.leases import Finish, Leases, Postponement
from rerankq_worker.jobs.in_flight import InFlightJobs

MOST_TOGETHER: Final = 100
MOST_BYTES: Final = 4 * 1024 * 1024
RETRY_SECONDS: Final = 0.5
HASTY_ANSWER_SECONDS: Final = 1.5
"""How long a worker that shuts down waits for an answer before it writes again by a new connection.
The old connection may be dead, and leases expire after a few such waits."""

JobUpdate = Finish | Postponement
HandedOver = tuple[JobUpdate, Event | None]
"""The outcome of a job, and the event to tell once the ledger has it."""
T = TypeVar("T", Finish, Postponement)


@dataclass(frozen=True, slots=True)
class _Refused:
    """An outcome that the ledger refuses, and since when, by the loop's clock."""

    outcome: JobUpdate
    error: LedgerRefusal
    since: float


class Completer:
    """Takes the outcomes of jobs, and keeps each until the ledger has it.

    Args:
        leases: the ledger.
        in_flight: the jobs that this worker holds; a job is removed once its outcome is written.
        lease_seconds: how long an outcome that the ledger refuses is offered again.
        gather_seconds: time between two writes, unless there is enough for a full one.
        events: told which outcomes the ledger took, and which it refused.
    """

    def __init__(
        self,
        leases: Leases,
        in_flight: InFlightJobs,
        *,
        lease_seconds: float,
        gather_seconds: float = 0.0,
        events: Events | None = None,
    ) -> None:
        self._leases = leases
        self._in_flight = in_flight
        self._lease_seconds = lease_seconds
        self._gather_seconds = gather_seconds
        self._events = events or Events()
        self._wrote_at = -math.inf
        self._unwritten: dict[tuple[str, int], HandedOver] = {}
        self._waiting: list[JobUpdate] = []
        self._refused: list[_Refused] = []
        self._wake = asyncio.Event()
        self._answer_seconds: float | None = None
        self._writing: asyncio.Timeout | None = None

    def put(self, outcome: JobUpdate, event: Event | None = None) -> None:
        """Hand over a job's outcome, and the event to tell once the ledger has it."""
        self._unwritten[_key(outcome)] = outcome, event
        self._waiting.append(outcome)
        self._wake.set()

    def unwritten(self) -> list[HandedOver]:
        """Outcomes that are not known to be in the ledger. May be called from any thread."""
        return list(self._unwritten.values())

    def hasten(self) -> None:
        """From now on write again soon when no answer comes, even if that writes twice."""
        self._answer_seconds = HASTY_ANSWER_SECONDS
        if self._writing:
            self._writing.reschedule(asyncio.get_running_loop().time() + HASTY_ANSWER_SECONDS)

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            await self._wake.wait()
            await self._gather()
            portion = self._next_portion()
            if self._waiting:
                # This portion is full: the next may follow at once.
                self._wrote_at = -math.inf
            # Refused outcomes are offered after the others, one by one: they may never be taken,
            # and no other outcome may wait for them.
            again, self._refused = self._refused, []
            if not self._waiting:
                self._wake.clear()
            for refused in await self._write(portion):
                self._keep(refused)
            for before in again:
                for refused in await self._write([before.outcome]):
                    self._keep(replace(refused, since=before.since))

    async def _gather(self) -> None:
        """Wait for more outcomes, unless the last write was long ago or the worker shuts down."""
        clock = asyncio.get_running_loop().time
        rest = self._wrote_at + self._gather_seconds - clock()
        if rest > 0 and len(self._waiting) < MOST_TOGETHER and self._answer_seconds is None:
            await asyncio.sleep(rest)
        self._wrote_at = clock()

    def _next_portion(self) -> list[JobUpdate]:
        size = count = 0
        while count < min(len(self._waiting), MOST_TOGETHER) and size < MOST_BYTES:
            outcome = self._waiting[count]
            size += len(outcome.outcome) if isinstance(outcome, Finish) else 0
            count += 1
        portion, self._waiting = self._waiting[:count], self._waiting[count:]
        return portion

    def _keep(self, refused: _Refused) -> None:
        """Offer a refused outcome again later, for at most the length of a lease."""
        loop = asyncio.get_running_loop()
        if loop.time() - refused.since < self._lease_seconds:
            loop.call_later(RETRY_SECONDS, self._offer_again, refused)
            return
        # The ledger will not take it. The lease expires, and the job is claimed again.
        job = JobRef(refused.outcome.lease.job_id)
        self._events.tell(OutcomeDropped(job=job, message=str(refused.error)))
        self._let_go([refused.outcome])

    def _offer_again(self, refused: _Refused) -> None:
        self._refused.append(refused)
        self._wake.set()

    async def _write(self, portion: Sequence[JobUpdate]) -> list[_Refused]:
        """Write outcomes, and let their jobs go; returns the outcomes that the ledger refused."""
        finishes = [each for each in portion if isinstance(each, Finish)]
        postponements = [each for each in portion if isinstance(each, Postponement)]
        refused = []
        if finishes:
            refused += await self._until_written(self._leases.finish, finishes)
        if postponements:
            refused += await self._until_written(self._leases.postpone, postponements)
        return refused

    async def _until_written(
        self, write: Callable[[Sequence[T]], Awaitable[list[bool]]], outcomes: Sequence[T]
    ) -> list[_Refused]:
        accepted: list[bool] | None = None
        repeated = False
        while accepted is None:
            try:
                accepted = await self._answered(write(outcomes))
            except TimeoutError:
                repeated = True
                self._tell_of_failure(len(outcomes), "no answer")
            except LedgerRefusal as error:
                if len(outcomes) == 1:
                    now = asyncio.get_running_loop().time()
                    return [_Refused(outcomes[0], error, now)]
                # One outcome may be the cause: written one by one, the others are taken.
                alone = [await self._until_written(write, [outcome]) for outcome in outcomes]
                return [each for refused in alone for each in refused]
            except LedgerUnavailable as error:
                # The call was paid for, so the outcome is kept until Redis is back. If the lease
                # is lost by then, the ledger refuses it, and the other worker's result stands.
                repeated = repeated or error.uncertain
                self._tell_of_failure(len(outcomes), str(error))
                await asyncio.sleep(RETRY_SECONDS)
        for outcome, was_taken in zip(outcomes, accepted, strict=True):
            self._tell(outcome, was_taken=was_taken, repeated=repeated)
        self._let_go(outcomes)
        return []

    def _tell(self, outcome: JobUpdate, *, was_taken: bool, repeated: bool) -> None:
        _, event = self._unwritten.get(_key(outcome), (None, None))
        if was_taken and event:
            self._events.tell(event)
        elif not was_taken and OutcomeRefused in self._events.wanted:
            job = JobRef(outcome.lease.job_id)
            self._events.tell(OutcomeRefused(job=job, repeated=repeated))

    def _tell_of_failure(self, jobs: int, message: str) -> None:
        write = LedgerOperation.WRITE
        self._events.tell(LedgerCallFailed(operation=write, jobs=jobs, message=message))

    def _let_go(self, outcomes: Sequence[JobUpdate]) -> None:
        for outcome in outcomes:
            self._unwritten.pop(_key(outcome), None)
        self._in_flight.remove(outcome.lease for outcome in outcomes)

    async def _answered(self, write: Awaitable[list[bool]]) -> list[bool]:
        """The ledger's answer, within the time limit if there is one."""
        try:
            async with asyncio.timeout(self._answer_seconds) as self._writing:
                return await write
        finally:
            # A time limit that has ended must not be rescheduled.
            self._writing = None


def _key(outcome: JobUpdate) -> tuple[str, int]:
    return outcome.lease.job_id, outcome.lease.token
