"""What the ledger knows of jobs that wait."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from rerankq.contract import JobState, Lane
from rerankq.errors import LedgerRefusal
from rerankq.ledger.failures import Failure
from rerankq.ledger.record_fields import record_from
from rerankq.store.store import Store

REDELIVERED: Final = 2**52
"""The first place of jobs that were announced again: see `places.lua`."""
MOST_SHARING: Final = 100


@dataclass(frozen=True, slots=True)
class WaitingJob:
    """What a record tells of why its job has not ended. Times are Unix seconds by Redis' clock.

    Attributes:
        tenant: whose it is; None for the operator's.
        held: whether a pause of its batch holds it.
        due: when it may be claimed at the earliest.
        not_before: the same, as its submitter asked.
        failure: how its last call failed, or what it waited for without a call.
    """

    job_id: str
    state: JobState
    lane: Lane
    batch_id: str | None
    tenant: str | None
    held: bool
    due: float | None
    not_before: float | None
    failure: Failure | None


class WaitingJobs:
    """The jobs of all lanes. Every call raises LedgerUnavailable when Redis cannot be used."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._keys = store.keys

    async def look(self, job_ids: Sequence[str]) -> list[WaitingJob | None]:
        """What the record of each tells; None for one that has ended or has no whole record."""
        if not job_ids:
            return []
        stored = await self._store.command("MGET", *map(self._keys.job, job_ids))
        return [_waiting(job_id, each) for job_id, each in zip(job_ids, stored, strict=True)]

    async def queued(self) -> dict[Lane, int]:
        """How many jobs of each lane wait to be claimed."""
        state = JobState.QUEUED.value
        sizes = await self._store.readings(
            *(("ZCARD", self._keys.lane_set(lane.value, state)) for lane in Lane)
        )
        return {lane: size or 0 for lane, size in zip(Lane, sizes, strict=True)}

    async def ahead(self, job: WaitingJob) -> int | None:
        """How many jobs of its lane are claimed before it, as far as hints keep their order.

        For a tenant's job, how many others of the same tenant: among tenants there is no order.
        None when it is not queued, or this user may not ask (`ZSCORE`).
        """
        if job.tenant is None:
            queued = self._keys.lane_set(job.lane.value, JobState.QUEUED.value)
        else:
            queued = self._keys.tenant_queue(job.lane.value, job.tenant)
        with suppress(LedgerRefusal):
            place = await self._store.command("ZSCORE", queued, job.job_id)
            if place is not None:
                place = float(place)
                # Jobs that are announced again have an order of their own.
                first = "-inf" if job.tenant or place < REDELIVERED else REDELIVERED
                return int(await self._store.command("ZCOUNT", queued, first, f"({place:.0f}"))
        return None

    async def sharing(self, lane: Lane, tenant: str) -> int:
        """How many other tenants have queued jobs in the lane; a hundred are looked at."""
        stored = await self._store.command("ZRANGE", self._keys.turns(lane.value), 0, MOST_SHARING)
        others = [name for each in stored if (name := each.decode()) != tenant]
        if not others:
            return 0
        sizes = await self._store.readings(
            *(("ZCARD", self._keys.tenant_queue(lane.value, name)) for name in others)
        )
        # Those whose last job has ended leave at the next claim.
        return sum(1 for size in sizes if size)

    async def depth(self, lane: Lane) -> int:
        """How many jobs of the lane have not ended."""
        states = (JobState.QUEUED, JobState.SCHEDULED, JobState.RUNNING)
        sets = [self._keys.lane_set(lane.value, each.value) for each in states]
        return sum(await self._store.commands(*(("ZCARD", each) for each in sets)))


def _waiting(job_id: str, stored: bytes | None) -> WaitingJob | None:
    fields = record_from(stored)
    state, lane = fields.get("state"), fields.get("lane")
    if state is None or lane is None or state.ended:
        return None
    return WaitingJob(
        job_id=job_id,
        state=state,
        lane=lane,
        batch_id=fields.get("batch"),
        tenant=fields.get("tenant"),
        held=fields.get("held") is True,
        due=_seconds(fields.get("due")),
        not_before=_seconds(fields.get("not_before")),
        failure=fields.get("failure"),
    )


def _seconds(milliseconds: int | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1000
