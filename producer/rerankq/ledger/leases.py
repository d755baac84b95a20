"""The worker's side of the ledger: claim, renew, finish, postpone; each fenced by a token."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import orjson

from rerankq.contract import JobState
from rerankq.ledger import payload
from rerankq.ledger.store import Argument, Retention, Store

MOST_LOST_LEASES: Final = 3
"""In a row: a job that each time takes its worker along must not go round for ever."""
SUSPECT_LOST_LEASES: Final = MOST_LOST_LEASES - 1
"""From here on a job is served alone: the last proof must not cost its neighbours theirs."""


@dataclass(frozen=True, slots=True)
class Lease:
    """A job in this worker's hands.

    Attributes:
        token: fencing token; the ledger refuses every write under an older one.
        attempts: attempts used before this one.
        waited_seconds: time since the job might run for the first time, by Redis' clock.
        payload: the job as JSON.
    """

    job_id: str
    token: int
    attempts: int
    waited_seconds: float
    payload: bytes


@dataclass(frozen=True, slots=True)
class Claim:
    """What a claim came to: jobs taken, and suspects that must be taken alone."""

    leases: list[Lease]
    suspects: list[str]


@dataclass(frozen=True, slots=True)
class Finish:
    """A job's end, to be written once.

    Attributes:
        attempts: attempts used in all.
        outcome: the end as `ledger.outcomes` spells it.
        reason: the error's code, when there is one.
    """

    lease: Lease
    attempts: int
    state: JobState
    outcome: bytes
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Postponement:
    """A job to be queued again `delay_seconds` from now, `attempts` having been used."""

    lease: Lease
    attempts: int
    delay_seconds: float


class Leases:
    """What a worker does with jobs. Every call raises LedgerUnavailable when Redis is away."""

    def __init__(
        self, store: Store, retention: Retention, *, worker: str, lease_seconds: float
    ) -> None:
        self._store = store
        self._worker = worker
        self._lease_ms = int(lease_seconds * 1000)
        self._retention = retention

    async def claim(self, job_ids: Sequence[str], *, alone: bool = False) -> Claim:
        """Take those of the jobs that are queued; the others are somebody else's, or done.

        Args:
            job_ids: the jobs to take.
            alone: whether this worker has nothing else in hand, so that it may take suspects.
        """
        rows = await self._store.run(
            "claim", self._worker, self._lease_ms, SUSPECT_LOST_LEASES, int(alone), *job_ids
        )
        return Claim(
            [
                Lease(row[0].decode(), row[1], row[2], row[3] / 1000, payload.unpacked(row[4]))
                for row in rows
                if len(row) > 1
            ],
            [row[0].decode() for row in rows if len(row) == 1],
        )

    async def renew(self, leases: Sequence[Lease]) -> set[str]:
        """Prolong the leases; returns the ids of jobs that are no longer this worker's."""
        held: list[Argument] = [self._lease_ms]
        for lease in leases:
            held += (lease.job_id, lease.token)
        return {job_id.decode() for job_id in await self._store.run("renew", *held)}

    async def finish(self, finishes: Sequence[Finish]) -> list[bool]:
        """Write results and ends; False where the job was no longer this worker's."""
        heads = orjson.dumps(
            [
                (each.lease.job_id, str(each.lease.token), each.attempts, each.state, each.reason)
                for each in finishes
            ]
        )
        outcomes = (each.outcome for each in finishes)
        done = await self._store.run("finish", *self._retention.arguments(), heads, *outcomes)
        return [each == 1 for each in done]

    async def postpone(self, postponements: Sequence[Postponement]) -> list[bool]:
        """Give jobs back for later; False where the job was no longer this worker's."""
        arguments: list[Argument] = []
        for each in postponements:
            lease, delay_ms = each.lease, int(each.delay_seconds * 1000)
            arguments += (lease.job_id, lease.token, each.attempts, delay_ms)
        return [done == 1 for done in await self._store.run("postpone", *arguments)]
