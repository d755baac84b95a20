"""Submits jobs: records them, then announces them, and explains each refusal."""

import asyncio
import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from rerankq.client import traces
from rerankq.client.grouped import GroupedRecording
from rerankq.client.publishing import Publishing
from rerankq.client.refusals import (
    HOPELESS,
    REFUSALS,
    reason,
    refusal,
    refused_for_now,
)
from rerankq.client.submission_events import SubmissionEvents
from rerankq.contract import Job
from rerankq.errors import LedgerUnavailable, QueueFull, RerankqError
from rerankq.events import Events
from rerankq.ledger.intake import HELD_UP, Admission, Intake, PreparedJob, Verdict
from rerankq.store.per_loop import PerLoop

ROOM_SECONDS: Final = 0.5
"""How often a submit to a full lane is tried again."""
PATIENCE_SECONDS: Final = 300.0
"""Long enough to replace all workers. When there are none, nobody should wait longer."""

Offered = tuple[list[str], RerankqError | None]
"""The ids of the jobs that were accepted, now or earlier, and why the others were not."""


class Admissions:
    """Records jobs in the ledger, and publishes their hints.

    Args:
        intake: the ledger.
        publishing: publishes hints.
        max_queue_depth: for the message about a full lane.
        events: told of each job that is recorded.
    """

    def __init__(
        self,
        intake: Intake,
        publishing: Publishing,
        *,
        max_queue_depth: int,
        events: Events | None = None,
    ) -> None:
        self._intake = intake
        self._publishing = publishing
        self._grouped = PerLoop(
            partial(GroupedRecording, intake, publishing), GroupedRecording.done
        )
        self._max_queue_depth = max_queue_depth
        self._events = SubmissionEvents(events or Events())

    async def close(self) -> None:
        """Wait for what is being recorded."""
        await self._grouped.close()

    async def recorded(self) -> None:
        """Wait until the jobs that were submitted singly before are recorded."""
        await self._grouped.get().done()

    def prepare(self, job: Job) -> PreparedJob:
        """The job, encoded, for `offer_prepared`.

        Raises:
            InvalidRequest: it is too large, or not valid Unicode.
        """
        if tracer := traces.tracer():
            job = traces.created(tracer, job)
        return self._intake.prepare(job)

    async def submit(self, job: Job) -> str:
        """Record one job; returns its id, or the id of the job that its key belongs to.

        Jobs of several callers that come at the same moment are recorded in one call. Its hint is
        published when this returns.

        Raises:
            InvalidRequest, QueueFull, IdempotencyConflict, BatchNotFound, LedgerUnavailable: as
                `AsyncRerankClient.submit` says.
        """
        return await self._submit(job, published=True)

    async def submit_soon(self, job: Job) -> str:
        """As `submit`, but its hint is published a moment later, while the caller waits for it."""
        return await self._submit(job, published=False)

    async def _submit(self, job: Job, *, published: bool) -> str:
        if tracer := traces.tracer():
            with traces.submission(tracer, job) as traced:
                return await self._recorded(traced, published=published)
        return await self._recorded(job, published=published)

    async def _recorded(self, job: Job, *, published: bool) -> str:
        prepared = self._intake.prepare(job)
        try:
            admission, hint = await self._grouped.get().record(prepared)
        except LedgerUnavailable as error:
            raise _naming(job, error) from error
        if admission.verdict in HELD_UP:
            full = refused_for_now(prepared, admission, most=self._max_queue_depth)
            self._events.refused(job, full)
            raise full
        if wrong := refusal([prepared], [admission]):
            raise wrong
        if admission.verdict is Verdict.ACCEPTED:
            self._events.accepted([job])
        if hint and published:
            # Shielded, as the message names jobs of other callers too.
            await asyncio.shield(asyncio.wrap_future(hint))
        return admission.job_id

    async def offer_drafts(
        self, jobs: Sequence[Job], *, start: int, patience: float | None
    ) -> Offered:
        """As `offer`, for the jobs of a portion of a stream's drafts.

        Raises:
            InvalidRequest: as in `submit`.
            LedgerUnavailable: has the ids of these jobs, because their drafts may have none.
        """
        try:
            return await self.offer(jobs, start=start, patience=patience)
        except LedgerUnavailable as error:
            raise _naming_all(jobs, start, error) from error

    async def offer(
        self,
        jobs: Sequence[Job],
        *,
        patience: float | None,
        start: int = 0,
        held_up: Callable[[str], None] = lambda _: None,
    ) -> Offered:
        """Record jobs in their order, and wait while a lane is full; hints follow a little later.

        Returns the ids of those that were accepted, now or earlier, and what was refused.

        Args:
            jobs: what to record.
            patience: seconds for which a full lane may take none; None for no limit.
            start: position of the first job in its stream.
            held_up: called with the reason, each time that a full lane has taken none.

        Raises:
            InvalidRequest, LedgerUnavailable: as in `submit`.
        """
        if tracer := traces.tracer():
            jobs = [traces.created(tracer, job) for job in jobs]
        by_id = {job.id: job for job in jobs}
        prepared = [self._intake.prepare(job) for job in jobs]
        return await self.offer_prepared(
            prepared,
            patience=patience,
            start=start,
            held_up=held_up,
            told=lambda accepted: self._events.accepted([by_id[each.id] for each in accepted]),
        )

    async def offer_prepared(
        self,
        jobs: Sequence[PreparedJob],
        *,
        patience: float | None,
        start: int = 0,
        held_up: Callable[[str], None] = lambda _: None,
        told: Callable[[Sequence[PreparedJob]], None] | None = None,
    ) -> Offered:
        """As `offer`, for jobs that are encoded already.

        Args:
            jobs: what to record.
            patience: as in `offer`.
            start: as in `offer`.
            held_up: as in `offer`.
            told: tells of jobs that were recorded; None to tell what their heads say.

        Raises:
            LedgerUnavailable: as in `submit`.
        """
        tell = told or self._events.accepted
        admitted: dict[str, Admission] = {}
        clock = asyncio.get_running_loop().time
        waiting, moved_at = jobs, clock()
        why: Admission | None = None
        while waiting:
            try:
                refused, why = await self._record(waiting, admitted, tell)
            except LedgerUnavailable as error:
                # Uncertain for all of them together: some were recorded by earlier tries.
                error.uncertain = error.uncertain or bool(admitted)
                raise
            if len(refused) < len(waiting):
                moved_at = clock()
            waiting = refused
            until = math.inf if patience is None else moved_at + patience
            if why is None or _is_in_vain(why, until, clock()):
                break
            held_up(reason(waiting[0], why, most=self._max_queue_depth))
            await asyncio.sleep(ROOM_SECONDS)
        # In the order of `jobs`: they may have been recorded in another, by several tries.
        dealt_with = [job for job in jobs if job.id in admitted]
        in_order = [admitted[job.id] for job in dealt_with]
        ids = [each.job_id for each in in_order if each.verdict not in REFUSALS]
        wrong = refusal(dealt_with, in_order)
        if why:
            position = start + jobs.index(waiting[0])
            full = refused_for_now(waiting[0], why, most=self._max_queue_depth, position=position)
            self._events.refused(waiting[0], full, len(waiting))
            return ids, foremost(full, wrong)
        return ids, wrong

    async def _record(
        self,
        jobs: Sequence[PreparedJob],
        admitted: dict[str, Admission],
        tell: Callable[[Sequence[PreparedJob]], None],
    ) -> tuple[list[PreparedJob], Admission | None]:
        """Record the jobs that are taken, and note their admissions.

        Returns the others, and the verdict on the first of them.
        """
        accepted, refused = [], []
        why: Admission | None = None
        for job, admission in zip(jobs, await self._intake.submit_prepared(jobs), strict=True):
            if admission.verdict in HELD_UP:
                refused.append(job)
                why = why or admission
                continue
            admitted[job.id] = admission
            if admission.verdict is Verdict.ACCEPTED:
                accepted.append(job)
        tell(accepted)
        await self._publishing.announce_soon(accepted)
        return refused, why


def foremost(*wrong: RerankqError | None) -> RerankqError | None:
    """Of several errors the one to raise: that of a full lane, or else the first.

    The others say that all drafts but their own were accepted; when a lane is full, that is wrong.
    They are added to its error as notes.
    """
    told = [each for each in wrong if each]
    full = next((each for each in told if isinstance(each, QueueFull)), None)
    if full is None:
        return next(iter(told), None)
    for other in told:
        if other is not full:
            full.add_note(f"also: {other}")
    return full


def _is_in_vain(why: Admission, until: float, now: float) -> bool:
    """Whether there will be no room by that time, as far as is known."""
    return why.quota in HOPELESS or now + (why.retry_after or 0) >= until


def _naming(job: Job, error: LedgerUnavailable) -> LedgerUnavailable:
    """The error, with the job's id, in case it was recorded."""
    said = str(error)
    if error.uncertain:
        said += f"; job {job.id} may be recorded: ask for it, or submit again with this job_id"
    return type(error)(said, uncertain=error.uncertain, job_id=job.id)


def _naming_all(jobs: Sequence[Job], start: int, error: LedgerUnavailable) -> LedgerUnavailable:
    """The error, with the jobs' ids, in case they were recorded."""
    said = str(error)
    if error.uncertain:
        said += (
            f"; drafts {start} to {start + len(jobs) - 1} may be recorded: submit them again with "
            "the ids in `job_ids`, then go on"
        )
    ids = tuple(job.id for job in jobs)
    return type(error)(said, uncertain=error.uncertain, job_ids=ids, position=start)
