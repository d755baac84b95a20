"""The worker's side of the ledger: claim, renew, finish, postpone; each fenced by a token."""

from collections.abc import Sequence
from dataclasses import dataclass
from secrets import token_hex
from typing import Any, Final

from rerankq.contract import JobState
from rerankq.errors import LedgerUnavailable
from rerankq.events import Events, JobExpired, JobRef
from rerankq.ledger import outcomes, payload
from rerankq.ledger.batch_ends import tell_of_ended
from rerankq.ledger.failures import NO_PAST, Failure, Past, past_from
from rerankq.ledger.scripts import CLAIM, FINISH, FINISH_STAGED, POSTPONE, RENEW
from rerankq.ledger.usage import CallUsage, entries
from rerankq.store.clock import Clock
from rerankq.store.script import Argument
from rerankq.store.store import BESIDE_FROM, Retention, Store

MOST_DEATHS: Final = 3
"""A job fails when this many workers in a row have died with it: a job that kills its workers must
not run for ever. A worker that is heard of again was not dead, however long it was silent."""
SUSPECT_ABSENCES: Final = MOST_DEATHS - 1
"""After this many dead or missing workers a job is served alone: if it kills this worker too, the
worker has no other job, which would be suspected with it."""
MOST_TOGETHER: Final = 100
"""Jobs that are claimed in one call."""
FIRST_TOGETHER: Final = 10
"""The same for the first call, when the sizes of payloads are not known yet."""
CLAIM_BYTES: Final = 4 * 1024 * 1024
"""Bytes of payloads that should come with one claim: when they are larger, fewer are claimed."""

_EXPIRED: Final = 2
"""What `finish.lua` says of a job whose deadline had passed."""


@dataclass(frozen=True, slots=True)
class Lease:
    """A job that this worker has claimed.

    Attributes:
        token: fencing token, a number that no other claim has: the job's count of claims, times
            2**32, plus the claim's random name. The ledger refuses every write with another one.
        attempts: attempts used before this one.
        waited_seconds: time since the job could first run, by Redis' clock.
        payload: the job as JSON.
        past: its earlier failures.
        named: for a tenant's job, the job that the claim has named, which may be the same. For each
            named job of a tenant, the ledger decides which tenant's job is given in its place.
    """

    job_id: str
    token: int
    attempts: int
    waited_seconds: float
    payload: bytes
    past: Past = NO_PAST
    named: str = ""


@dataclass(frozen=True, slots=True)
class Claim:
    """Answer to a claim: the jobs taken, and the suspects, which must be claimed alone."""

    leases: list[Lease]
    crash_suspects: list[str]


@dataclass(frozen=True, slots=True)
class Finish:
    """A job's end, to be written once.

    Attributes:
        attempts: attempts used in all.
        outcome: the end as `ledger.outcomes` writes it.
        reason: the error's code, when there is one.
        said: the upstream's last answer, kept with the dead letter. It may hold the request.
        tokens: of its calls, for the books of its batch or tenant; 0 for a job that has neither.
        call: what the history tells of its last call; empty when there was none.
        usage: what its calls have used.
        in_doubt: whether a call may have been made, of which nothing is known.
    """

    lease: Lease
    attempts: int
    state: JobState
    outcome: bytes
    reason: str = ""
    said: str = ""
    tokens: int = 0
    call: str = ""
    usage: Sequence[CallUsage] = ()
    in_doubt: bool = False


@dataclass(frozen=True, slots=True)
class Postponement:
    """A job to be queued again in `delay_seconds`, after so many `attempts`.

    Attributes:
        failure: why; None when the job is only handed back: then its last failure stays recorded.
        usage: what its calls have used.
        in_doubt: whether a call was broken off, so that nobody knows whether it was made.
    """

    lease: Lease
    attempts: int
    delay_seconds: float
    failure: Failure | None = None
    usage: Sequence[CallUsage] = ()
    in_doubt: bool = False


class Leases:
    """What a worker does with jobs. Every call raises LedgerUnavailable when Redis cannot be used.

    Args:
        store: the ledger's Redis.
        retention: how long ends are kept.
        worker: a name that no other process has or had, not even one that replaces this one: by it
            the ledger distinguishes a worker that paused from one that died.
        lease_seconds: how long a lease lasts without renewal.
        events: told of each job whose result came after its deadline.
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

    def now(self) -> float:
        """Unix seconds by Redis' clock, as of the last claim and the time since."""
        return self._clock.now_ms() / 1000

    async def claim(
        self, job_ids: Sequence[str], *, alone: bool = False, request: str | None = None
    ) -> Claim:
        """Take those of the jobs that are queued; the others belong to another worker or are done.

        Args:
            job_ids: the jobs to take.
            alone: whether this worker has no other job, so that it may take suspects.
            request: from `new_request`. A repeat with the same one, after a lost answer, gets the
                same jobs again. None makes a new one.
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
                    # The answer may have been too large to arrive in time.
                    self._together = max(1, len(portion) // 2)
                raise
        return claim

    async def _claim(
        self, job_ids: Sequence[str], claim: Claim, *, alone: bool, request: str
    ) -> None:
        # Payloads are read beside the script: most often the worker gets all jobs that it asks for.
        payloads = ("MGET", *map(self._keys.payload, job_ids))
        call = CLAIM(
            worker=self._worker,
            lease_ms=self._lease_ms,
            most_absent=SUSPECT_ABSENCES,
            is_alone=alone,
            keep_result_ms=self._retention.result_ms,
            keep_dead_ms=self._retention.dead_ms,
            request=request,
            job_ids=tuple(job_ids),
        )
        (now_ms, *rows), stored = await self._store.run_ahead_of(payloads, call)
        self._clock.heard(now_ms)
        size = sum(len(each) for each in stored if each is not None)
        self._together = max(1, min(MOST_TOGETHER, CLAIM_BYTES * len(job_ids) // max(1, size)))
        asked = dict(zip(job_ids, stored, strict=True))
        asked |= await self._dealt_payloads(rows)
        for job_id, *given in rows:
            name = job_id.decode()
            if not name:
                tell_of_ended(self._events, *given)
            elif given:
                token, attempts, waited_ms, *met = given
                named = met.pop().decode() if _is_a_tenants(given) else ""
                # When no payload can be read, the worker fails the job with that reason.
                job = payload.unpacked(asked[name] or b"")
                past = past_from(*met) if met else NO_PAST
                lease = Lease(name, token, attempts, waited_ms / 1000, job, past, named)
                claim.leases.append(lease)
            else:
                claim.crash_suspects.append(name)

    async def _dealt_payloads(self, rows: Sequence[Sequence[Any]]) -> dict[str, bytes | None]:
        """The payloads of jobs that were given for others that the claim named."""
        dealt = [
            job_id.decode()
            for job_id, *given in rows
            if _is_a_tenants(given) and given[-1] != job_id
        ]
        if not dealt:
            return {}
        stored = await self._store.command("MGET", *map(self._keys.payload, dealt))
        return dict(zip(dealt, stored, strict=True))

    async def renew(self, leases: Sequence[Lease]) -> set[str]:
        """Renew the leases; returns the ids of jobs that are no longer this worker's."""
        held = [(lease.job_id, lease.token) for lease in leases]
        lost = await self._store.run(RENEW(self._worker, self._lease_ms, held))
        return set(lost)

    async def finish(self, finishes: Sequence[Finish]) -> list[bool]:
        """Write results and ends; False when the job was no longer this worker's, or too late."""
        at_ms = self._clock.now_ms()
        date = outcomes.date_done(at_ms)
        heads: list[tuple[Any, ...]] = [
            (
                *(each.lease.job_id, each.lease.token, each.attempts, each.state),
                *_head_end(each),
            )
            for each in finishes
        ]
        results = tuple(outcomes.whole(each.lease.job_id, date, each.outcome) for each in finishes)
        retention = self._retention
        keep = retention.result_ms, retention.dead_ms, retention.usage_days
        if len(finishes) < BESIDE_FROM:
            answer = await self._store.run(FINISH(*keep, at_ms, heads, results))
        else:
            staged: list[Argument] = ["MSET"]
            for each, result in zip(finishes, results, strict=True):
                staged += (self._keys.staged(each.lease.job_id), result)
            answer = await self._store.run_behind(staged, FINISH_STAGED(*keep, at_ms, heads))
        done, ended = answer
        tell_of_ended(self._events, ended)
        for each, said in zip(finishes, done, strict=True):
            if said == _EXPIRED:
                self._events.tell(JobExpired(job=JobRef(each.lease.job_id)))
        return [each == 1 for each in done]

    async def postpone(self, postponements: Sequence[Postponement]) -> list[bool]:
        """Queue jobs again for later; False when the job was no longer this worker's."""
        jobs = [
            (
                *(each.lease.job_id, each.lease.token, each.attempts),
                int(each.delay_seconds * 1000),
                each.failure.stored() if each.failure else None,
                *_used(each),
            )
            for each in postponements
        ]
        return await self._store.run(POSTPONE(self._retention.usage_days, jobs))


def _head_end(finish: Finish) -> tuple[Any, ...]:
    """The last fields of a job in `finish.lua`: those at the end that are empty are left out."""
    if used := _used(finish):
        return finish.reason, finish.call, finish.said, finish.tokens, *used
    if finish.tokens:
        return finish.reason, finish.call, finish.said, finish.tokens
    if finish.said:
        return finish.reason, finish.call, finish.said
    return (finish.reason, finish.call) if finish.call else (finish.reason,)


def _used(outcome: Finish | Postponement) -> tuple[Any, ...]:
    """What is told of its calls, if there is anything to tell."""
    if outcome.usage:
        return (entries(outcome.usage),)
    return (True,) if outcome.in_doubt else ()


def _is_a_tenants(given: Sequence[Any]) -> bool:
    """Whether `claim.lua` gave a tenant's job: then its row ends with the named job."""
    return bool(given) and len(given) % 4 == 0


def new_request() -> str:
    """A name for one claim, 32 random bits: by it the ledger finds the leases of a repeat."""
    return token_hex(4)
