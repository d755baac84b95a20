"""Handing jobs in: recorded first, announced after, and each refusal in words."""

import asyncio
from collections.abc import Sequence
from typing import Final

from rerankq.client.publishing import Publishing
from rerankq.contract import Job
from rerankq.errors import BatchNotFound, IdempotencyConflict, LedgerUnavailable, QueueFull
from rerankq.ledger.intake import Admission, Intake, Verdict

ROOM_SECONDS: Final = 0.5
"""How often a full lane is asked again."""

Offered = tuple[list[str], IdempotencyConflict | BatchNotFound | None]
"""The ids of those that were accepted, now or earlier, and why the others were not."""


class Admissions:
    """Records jobs in the ledger, and publishes their hints.

    Args:
        intake: the ledger.
        publishing: where hints go.
        max_queue_depth: for the words in which a full lane refuses.
    """

    def __init__(self, intake: Intake, publishing: Publishing, *, max_queue_depth: int) -> None:
        self._intake = intake
        self._publishing = publishing
        self._max_queue_depth = max_queue_depth

    async def submit(self, job: Job) -> str:
        """Record one job, or say why not; returns its id, or that of the job its key belongs to.

        Raises:
            QueueFull, IdempotencyConflict, BatchNotFound, LedgerUnavailable: as
                `AsyncRerankClient.submit` says.
        """
        try:
            admission = (await self._intake.submit([job]))[0]
        except LedgerUnavailable as error:
            raise _naming(job, error) from error
        if admission.verdict is Verdict.FULL:
            raise QueueFull(
                f"the {job.lane} lane holds {self._max_queue_depth:,} unfinished jobs: "
                "wait, add workers, or raise RERANKQ_MAX_QUEUE_DEPTH"
            )
        if refusal := _refusal([job], [admission]):
            raise refusal
        if admission.verdict is Verdict.ACCEPTED:
            await self._publishing.announce([job])
        return admission.job_id

    async def admit(self, jobs: Sequence[Job]) -> tuple[list[str], IdempotencyConflict | None]:
        """Record jobs in their order, waiting for room; their hints follow a little later.

        Returns the ids of those that were accepted, now or earlier, and the first conflict.

        Raises:
            BatchNotFound: some job's batch is none. Every other job was accepted.
            InvalidRequest, LedgerUnavailable: as in `submit`.
        """
        ids, refusal = await self.offer(jobs)
        if isinstance(refusal, BatchNotFound):
            raise refusal
        return ids, refusal

    async def offer(self, jobs: Sequence[Job]) -> Offered:
        """As `admit`, with a batch that is none told beside the ids of the others.

        Raises:
            InvalidRequest, LedgerUnavailable: as in `submit`.
        """
        admitted: dict[str, Admission] = {}
        waiting = jobs
        while waiting:
            accepted, refused = [], []
            for job, admission in zip(waiting, await self._intake.submit(waiting), strict=True):
                if admission.verdict is Verdict.FULL:
                    refused.append(job)
                    continue
                admitted[job.id] = admission
                if admission.verdict is Verdict.ACCEPTED:
                    accepted.append(job)
            await self._publishing.announce_soon(accepted)
            waiting = refused
            if waiting:
                await asyncio.sleep(ROOM_SECONDS)
        # Not as they came in: another lane may have had room earlier.
        in_order = [admitted[job.id] for job in jobs]
        ids = [each.job_id for each in in_order if each.verdict not in _REFUSALS]
        return ids, _refusal(jobs, in_order)


_REFUSALS: Final = frozenset({Verdict.CONFLICT, Verdict.NO_BATCH})


def _refusal(
    jobs: Sequence[Job], admissions: Sequence[Admission]
) -> IdempotencyConflict | BatchNotFound | None:
    """What to say of the refused; a batch that is none comes first, for it concerns them all."""
    verdicts = [each.verdict for each in admissions]
    if Verdict.NO_BATCH in verdicts:
        batch_id = jobs[verdicts.index(Verdict.NO_BATCH)].batch_id
        return BatchNotFound(
            f"no batch has the id {batch_id}: check it, or it is past its retention"
        )
    if Verdict.CONFLICT in verdicts:
        return IdempotencyConflict(
            "the idempotency key was used before for another request: "
            "use a new key, or send the same request"
        )
    return None


def _naming(job: Job, error: LedgerUnavailable) -> LedgerUnavailable:
    """The error, with the id by which the job is found in case it was recorded."""
    said = str(error)
    if error.uncertain:
        said += f"; job {job.id} may be recorded: ask for it, or submit again with this job_id"
    return type(error)(said, uncertain=error.uncertain, job_id=job.id)
