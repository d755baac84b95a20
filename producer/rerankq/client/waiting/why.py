"""Finds out why jobs wait: reads what the ledger and the accounts know of it."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from rerankq.accounts.accounts import Accounts
from rerankq.accounts.breakers import SharedBreakers
from rerankq.client.waiting import reasons
from rerankq.client.waiting.quotas import Quotas
from rerankq.contract import BatchState, BatchStatus, JobState, Lane, WaitReason
from rerankq.errors import BatchNotFound
from rerankq.ledger.batch_readings import PAGE
from rerankq.ledger.batches import Batches, OwnJob
from rerankq.ledger.failures import CHEAP_HOURS
from rerankq.ledger.presence import SILENT_SECONDS, Presence
from rerankq.ledger.records import Records
from rerankq.ledger.waiting import WaitingJob, WaitingJobs

_LATER: Final = ("not_before", "cheap_hours")
"""Reasons why a job does not need anything else yet."""


class Why:
    """Why jobs wait. Each call raises LedgerUnavailable when Redis cannot be used.

    Args:
        jobs: the jobs that wait.
        records: all jobs.
        accounts: the accounts upstream.
        breakers: the open breakers.
        presence: the workers.
        batches: the batches.
        quotas: those of tenants.
        max_queue_depth: most unfinished jobs of a lane.
    """

    def __init__(
        self,
        jobs: WaitingJobs,
        records: Records,
        accounts: Accounts,
        breakers: SharedBreakers,
        presence: Presence,
        batches: Batches,
        quotas: Quotas,
        *,
        max_queue_depth: int,
    ) -> None:
        self._jobs = jobs
        self._records = records
        self._accounts = accounts
        self._breakers = breakers
        self._presence = presence
        self._batches = batches
        self._quotas = quotas
        self._max_queue_depth = max_queue_depth

    async def of_upstream(self) -> tuple[WaitReason, ...]:
        """What holds up jobs of any kind: accounts, keys and models that are out of use."""
        tripped = await self._breakers.tripped()
        unused = await self._breakers.unused(tripped)
        in_use = {name: each for name, each in tripped.items() if name not in unused}
        accounts = {name: await self._accounts.look(name) for name in await self._accounts.names()}
        return reasons.in_order(reasons.of_upstream(accounts, in_use))

    async def of_job(self, job_id: str) -> tuple[WaitReason, ...]:
        """Why the job waits; empty when it runs or has ended.

        Raises:
            JobNotFound: no such job.
        """
        (job,) = await self._jobs.look([job_id])
        if job is None:
            await self._records.status(job_id)
            return ()
        if job.state is JobState.RUNNING:
            return ()
        if job.batch_id and (job.held or await self._is_paused(job.batch_id)):
            return (reasons.held(job.batch_id),)
        found = _of_its_own([job])
        if not any(each.code in _LATER for each in found):
            found += await self._of_the_lanes({job.lane})
            found += await self._of_others(job)
        return reasons.in_order(found)

    async def of_batch(self, batch: BatchStatus) -> tuple[WaitReason, ...]:
        """Why the batch does not go on; empty when it does, or has ended.

        For what single jobs wait for, a thousand entries are looked at, those first that are likely
        to be next.
        """
        if batch.state.ended or batch.state is BatchState.CANCELLING:
            return ()
        if batch.ended == batch.total:
            full = await self._full(batch, set())
            return () if batch.sealed else (*full, reasons.batch_open(batch.total))
        paused = [reasons.held(batch.id)] if batch.state is BatchState.PAUSED else []
        jobs = await self._next_of(batch)
        queued = [each for each in jobs if each.state is JobState.QUEUED]
        found = [*paused, *_of_its_own(jobs)]
        if not paused:
            found += await self._of_others(queued[0]) if queued else []
            found += await self._full(batch, {each.lane for each in jobs})
        # What runs shows that lanes are served; what is to run later does not need them yet.
        if queued or batch.running or batch.held or any(each.code == "retry" for each in found):
            found += await self._of_the_lanes({each.lane for each in jobs})
        return reasons.in_order(found)

    async def _is_paused(self, batch_id: str) -> bool:
        with suppress(BatchNotFound):  # past its retention
            return (await self._batches.status(batch_id)).state is BatchState.PAUSED
        return False

    async def _next_of(self, batch: BatchStatus) -> list[WaitingJob]:
        """Some of its jobs that wait, in order: those that end next are about as far as it is."""
        for start in dict.fromkeys((max(0, batch.ended - PAGE // 2), 0)):
            entries = await self._batches.page(batch.id, start)
            ids = [each.job_id for each in entries if isinstance(each, OwnJob)]
            jobs = [each for each in await self._jobs.look(ids) if each]
            waiting = [each for each in jobs if each.state is not JobState.RUNNING]
            if waiting:
                return waiting
        return []

    async def _full(self, batch: BatchStatus, lanes: set[Lane]) -> list[WaitReason]:
        """What takes no more jobs of a batch that is being filled: its tenant's quotas, lanes."""
        if batch.sealed:
            return []
        if batch.budget and batch.budget.exhausted and batch.budget.limit is not None:
            advice = f"`rerankq batch budget {batch.id} AMOUNT`"
            return [reasons.over_budget(batch.id, batch.budget, advice)]
        if batch.tenant and (found := await self._quotas.of_filling(batch.tenant)):
            return found
        depths = {lane: await self._jobs.depth(lane) for lane in sorted(lanes)}
        most = self._max_queue_depth
        return [reasons.lane_full(lane, most) for lane, depth in depths.items() if depth >= most]

    async def _of_the_lanes(self, lanes: set[Lane]) -> list[WaitReason]:
        """What holds up every job of these lanes."""
        unserved = sorted(lanes - await self._presence.served_lanes())
        missing = [reasons.no_worker(unserved, SILENT_SECONDS)] if unserved else []
        return [*missing, *await self.of_upstream()]

    async def _of_others(self, job: WaitingJob) -> list[WaitReason]:
        """The jobs that a queued job waits for: of its own tenant, and of others."""
        ahead = await self._jobs.ahead(job) if job.state is JobState.QUEUED else None
        found = [reasons.behind(ahead, job.lane)] if ahead else []
        if job.tenant and job.state is JobState.QUEUED:
            found += await self._quotas.of_queued(job.tenant, job.lane)
        return found


def _of_its_own(jobs: Sequence[WaitingJob]) -> list[WaitReason]:
    """What the jobs wait for by themselves: a time that their submitter named, or another try."""
    waits = [each for each in jobs if each.state is JobState.SCHEDULED and not each.held]
    asked = [each.due for each in waits if each.due and each.due == each.not_before]
    others = [each for each in waits if each.due and each.due != each.not_before]
    cheaper = [
        (each.due, each.failure.message)
        for each in others
        if each.due and each.failure and each.failure.code == CHEAP_HOURS
    ]
    tried = [
        (each.due, _failure(each))
        for each in others
        if each.due and not (each.failure and each.failure.code == CHEAP_HOURS)
    ]
    found = [reasons.not_before(min(asked), len(asked))] if asked else []
    if cheaper:
        found.append(reasons.cheap_hours(*min(cheaper), len(cheaper)))
    if tried:
        found.append(reasons.retry(*min(tried), len(tried)))
    return found


def _failure(job: WaitingJob) -> str:
    # Without a failure it rests: workers that held it are silent, and may be dead.
    return job.failure.message if job.failure else "its workers went silent while it ran"
