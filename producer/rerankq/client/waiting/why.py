"""Finds out why jobs wait: reads what the ledger and the accounts know of it."""

from collections.abc import Sequence

from rerankq.accounts.accounts import Accounts
from rerankq.accounts.breakers import SharedBreakers
from rerankq.client.waiting import reasons
from rerankq.contract import JobState, Lane, WaitReason
from rerankq.ledger.presence import SILENT_SECONDS, Presence
from rerankq.ledger.records import Records
from rerankq.ledger.waiting import WaitingJob, WaitingJobs


class Why:
    """Why jobs wait. Each call raises LedgerUnavailable when Redis cannot be used.

    Args:
        jobs: the jobs that wait.
        records: all jobs.
        accounts: the accounts upstream.
        breakers: the open breakers.
        presence: the workers.
    """

    def __init__(
        self,
        jobs: WaitingJobs,
        records: Records,
        accounts: Accounts,
        breakers: SharedBreakers,
        presence: Presence,
    ) -> None:
        self._jobs = jobs
        self._records = records
        self._accounts = accounts
        self._breakers = breakers
        self._presence = presence

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
        if job.held and job.batch_id:
            return (reasons.held(job.batch_id),)
        found = _of_its_own([job])
        if not any(each.code == "not_before" for each in found):
            found += await self._of_the_lanes({job.lane})
            found += await self._behind(job)
        return reasons.in_order(found)

    async def _of_the_lanes(self, lanes: set[Lane]) -> list[WaitReason]:
        """What holds up every job of these lanes."""
        unserved = sorted(lanes - await self._presence.served_lanes())
        missing = [reasons.no_worker(unserved, SILENT_SECONDS)] if unserved else []
        return [*missing, *await self.of_upstream()]

    async def _behind(self, job: WaitingJob) -> list[WaitReason]:
        ahead = await self._jobs.ahead(job)
        return [reasons.behind(ahead, job.lane)] if ahead else []


def _of_its_own(jobs: Sequence[WaitingJob]) -> list[WaitReason]:
    """What the jobs wait for by themselves: a time that their submitter named, or another try."""
    waits = [each for each in jobs if each.state is JobState.SCHEDULED and not each.held]
    asked = [each.due for each in waits if each.due and each.due == each.not_before]
    tried = [
        (each.due, _failure(each)) for each in waits if each.due and each.due != each.not_before
    ]
    found = [reasons.not_before(min(asked), len(asked))] if asked else []
    if tried:
        found.append(reasons.retry(*min(tried), len(tried)))
    return found


def _failure(job: WaitingJob) -> str:
    # Without a failure it rests: workers that held it are silent, and may be dead.
    return job.failure.message if job.failure else "its workers went silent while it ran"
