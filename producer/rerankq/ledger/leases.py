"""The worker's side of the ledger: claim, renew, finish, postpone; each fenced by a token."""

from collections.abc import Sequence
from dataclasses import dataclass
from secrets import token_hex
from typing import Any, Final

from rerankq.contract import JobState
from rerankq.errors import LedgerUnavailable
from rerankq.events import Events, JobExpired, JobRef
from rerankq.ledger import outcomes, payload
from rerankq.ledger.failures import NO_PAST, Failure, Past, past_from
from rerankq.ledger.scripts import CLAIM, FINISH, FINISH_STAGED, POSTPONE, RENEW
from rerankq.store.clock import Clock
from rerankq.store.script import Argument
from rerankq.store.store import BESIDE_FROM, Retention, Store

MOST_DEATHS: Final = 3
"""In a row: a job that each time takes its worker along must not go round for ever. A worker that
is heard of again was not dead, however long it was silent."""
SUSPECT_ABSENCES: Final = MOST_DEATHS - 1
"""From so many dead or missing workers on a job is served alone: the last proof must not cost its
neighbours theirs."""
MOST_TOGETHER: Final = 100
"""Jobs that are claimed in one call."""
FIRST_TOGETHER: Final = 10
"""And in the first, when nothing is known of their payloads."""
CLAIM_BYTES: Final = 4 * 1024 * 1024
"""Of payloads that should come with one claim: of larger ones fewer are claimed at once."""

_EXPIRED: Final = 2
"""What `finish.lua` says of a job whose deadline had passed."""


@dataclass(frozen=True, slots=True)
class Lease:
    """A job in this worker's hands.

    Attributes:
        token: fencing token, a number that no other claim has: the job's count of claims, times
            2**32, plus the claim's random name. The ledger refuses every write under another one.
        attempts: attempts used before this one.
        waited_seconds: time since the job might run for the first time, by Redis' clock.
        payload: the job as JSON.
        past: what it has met before.
    """

    job_id: str
    token: int
    attempts: int
    waited_seconds: float
    payload: bytes
    past: Past = NO_PAST


@dataclass(frozen=True, slots=True)
class Claim:
    """What a claim came to: jobs taken, and suspects that must be taken alone."""

    leases: list[Lease]
    crash_suspects: list[str]


@dataclass(frozen=True, slots=True)
class Finish:
    """A job's end, to be written once.

    Attributes:
        attempts: attempts used in all.
        outcome: the end as `ledger.outcomes` spells it.
        reason: the error's code, when there is one.
        said: the upstream's last words, kept with the dead letter: they may hold the request.
    """

    lease: Lease
    attempts: int
    state: JobState
    outcome: bytes
    reason: str = ""
    said: str = ""


@dataclass(frozen=True, slots=True)
class Postponement:
    """A job to be queued again `delay_seconds` from now, `attempts` having been used.

    Attributes:
        failure: why; None where it is handed back, and what is known of it stays as it is.
    """

    lease: Lease
    attempts: int
    delay_seconds: float
    failure: Failure | None = None


class Leases:
    """What a worker does with jobs. Every call raises LedgerUnavailable when Redis is away.

    Args:
        store: the ledger's Redis.
        retention: how long ends are kept.
        worker: a name that no other process has or had, also not one that was started in its place:
            by it the ledger tells a worker that paused from one that died.
        lease_seconds: how long a lease lasts without renewal.
        events: told of each job whose end came too late for its deadline.
    """

    def __init__(
        self,
        store: Store,
        retention: Retention,
        *,
        worker: str,
        lease_seconds: float,
        events: Events | None = None,
    ) -> None:
        self._events = events or Events()
        self._store = store
        self._keys = store.keys
        self._worker = worker
        self._lease_ms = int(lease_seconds * 1000)
        self._retention = retention
        self._clock = Clock()
        self._together = FIRST_TOGETHER

    async def claim(
        self, job_ids: Sequence[str], *, alone: bool = False, request: str | None = None
    ) -> Claim:
        """Take those of the jobs that are queued; the others are somebody else's, or done.

        Args:
            job_ids: the jobs to take.
            alone: whether this worker has nothing else in hand, so that it may take suspects.
            request: what `new_request` made, to ask again for the same after a lost answer: what
                was taken then is given again. A new one if None.
        """
        request = request or new_request()
        claim = Claim([], [])
        start = 0
        while start < len(job_ids):
            portion = job_ids[start : start + self._together]
            start += len(portion)
            try:
                await self._claim(portion, claim, alone=alone, request=request)
            except LedgerUnavailable as error:
                if error.uncertain:
                    # Perhaps more than can arrive in the time that there is for an answer.
                    self._together = max(1, len(portion) // 2)
                raise
        return claim

    async def _claim(
        self, job_ids: Sequence[str], claim: Claim, *, alone: bool, request: str
    ) -> None:
        # Past the script: most often the worker gets all that it asks for.
        payloads = ("MGET", *map(self._keys.payload, job_ids))
        call = CLAIM(
            worker=self._worker,
            lease_ms=self._lease_ms,
            most_absent=SUSPECT_ABSENCES,
            is_alone=alone,
            request=request,
            job_ids=tuple(job_ids),
        )
        (now_ms, *rows), stored = await self._store.run_ahead_of(payloads, call)
        self._clock.heard(now_ms)
        size = sum(len(each) for each in stored if each is not None)
        self._together = max(1, min(MOST_TOGETHER, CLAIM_BYTES * len(job_ids) // max(1, size)))
        asked = dict(zip(job_ids, stored, strict=True))
        for job_id, *given in rows:
            name = job_id.decode()
            if given:
                token, attempts, waited_ms, *met = given
                # Where there is none that can be read, the worker says so at the job's end.
                job = payload.unpacked(asked[name] or b"")
                past = past_from(*met) if met else NO_PAST
                claim.leases.append(Lease(name, token, attempts, waited_ms / 1000, job, past))
            else:
                claim.crash_suspects.append(name)

    async def renew(self, leases: Sequence[Lease]) -> set[str]:
        """Prolong the leases; returns the ids of jobs that are no longer this worker's."""
        held = [(lease.job_id, lease.token) for lease in leases]
        lost = await self._store.run(RENEW(self._worker, self._lease_ms, held))
        return set(lost)

    async def finish(self, finishes: Sequence[Finish]) -> list[bool]:
        """Write results and ends; False where the job was no longer this worker's, or too late."""
        at_ms = self._clock.now_ms()
        date = outcomes.date_done(at_ms)
        heads: list[tuple[Any, ...]] = [
            (
                *(each.lease.job_id, each.lease.token, each.attempts, each.state),
                *((each.reason, each.said) if each.said else (each.reason,)),
            )
            for each in finishes
        ]
        results = tuple(outcomes.whole(each.lease.job_id, date, each.outcome) for each in finishes)
        keep_ms = self._retention.result_ms, self._retention.dead_ms
        if len(finishes) < BESIDE_FROM:
            done = await self._store.run(FINISH(*keep_ms, at_ms, heads, results))
        else:
            staged: list[Argument] = ["MSET"]
            for each, result in zip(finishes, results, strict=True):
                staged += (self._keys.staged(each.lease.job_id), result)
            done = await self._store.run_behind(staged, FINISH_STAGED(*keep_ms, at_ms, heads))
        for each, said in zip(finishes, done, strict=True):
            if said == _EXPIRED:
                self._events.tell(JobExpired(job=JobRef(each.lease.job_id)))
        return [each == 1 for each in done]

    async def postpone(self, postponements: Sequence[Postponement]) -> list[bool]:
        """Give jobs back for later; False where the job was no longer this worker's."""
        jobs = [
            (
                *(each.lease.job_id, each.lease.token, each.attempts),
                int(each.delay_seconds * 1000),
                each.failure.stored() if each.failure else None,
            )
            for each in postponements
        ]
        return await self._store.run(POSTPONE(jobs))


def new_request() -> str:
    """A name for one claim, 32 random bits: by it the ledger knows its repeat, and its leases."""
    return token_hex(4)
