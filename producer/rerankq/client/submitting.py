"""The clients' part that hands jobs in, and the calls that wait for one as well."""

from collections.abc import AsyncGenerator, AsyncIterable, Iterable
from contextlib import aclosing
from typing import Unpack

from rerankq.client.admissions import PATIENCE_SECONDS, Admissions
from rerankq.client.calls import Calls, Settled
from rerankq.client.drafts import (
    Draft,
    Submission,
    job_from,
    owned,
    portions_of,
    takes_submission,
)
from rerankq.client.ending import AsyncEnds
from rerankq.client.handles import AsyncJobHandle, AsyncOwner, ranking
from rerankq.client.publishing import Publishing
from rerankq.client.stream import Recording, recorded, send
from rerankq.client.waiting.forecasts import Forecasts
from rerankq.contract import Forecast, Job, Lane, RerankResult
from rerankq.settings import ClientSettings
from rerankq.store.per_loop import PerLoop


class AsyncSubmitter(AsyncEnds, AsyncOwner):
    """What `AsyncRerankClient` does to hand jobs in."""

    settings: ClientSettings
    _admissions: Admissions
    _publishing: Publishing
    _calls: Calls
    _forecasts: PerLoop[Forecasts]

    @takes_submission
    async def submit(self, **arguments: Unpack[Submission]) -> AsyncJobHandle:
        """Submit a job. When this returns, the job is recorded in the ledger and is not lost.

        Raises:
            InvalidRequest: names the offending field. Nothing was recorded.
            QueueFull: the lane is full. Nothing was recorded.
            IdempotencyConflict: the key belongs to another request. Nothing was recorded.
            BatchNotFound: no batch has that id. Nothing was recorded.
            LedgerUnavailable: Redis did not answer. The job may be recorded: `job_id` is its id.
        """
        job = job_from(arguments, default_model=self.settings.model, tenant=self._ownership.tenant)
        return AsyncJobHandle(self, await self._admissions.submit(job))

    async def submit_job(self, job: Job) -> str:
        """As `submit`, for a job that is valid already; returns its id, or that of an earlier job.

        The earlier job is the one that the idempotency key belongs to.

        Raises:
            InvalidRequest, QueueFull, IdempotencyConflict, BatchNotFound, LedgerUnavailable: as
                `submit` says.
        """
        return await self._admissions.submit(owned(job, self._ownership.tenant))

    async def submit_many(
        self,
        drafts: Iterable[Draft] | AsyncIterable[Draft],
        *,
        patience: float | None = PATIENCE_SECONDS,
    ) -> AsyncGenerator[AsyncJobHandle, None]:
        """Submit jobs as a stream, in bounded memory; handles come in the order of `drafts`.

        While a lane is full the stream waits. Drafts are read up to two hundred ahead of their
        handles. When `drafts` itself raises, the drafts before are accepted and their handles are
        given; then the error is raised.

        Args:
            drafts: what to submit.
            patience: seconds for which a full lane may take none of them; None for no limit.

        Raises:
            QueueFull: the lane was full for that long. Its `position` is that of the first draft
                that was refused: those before it were accepted, and their handles were given.
                Submit again from there. When drafts go to several lanes, a later one may have been
                accepted too: a `job_id` or an idempotency key makes that safe.
            InvalidRequest: names the draft by its position, and the field. Those before it
                were accepted, and their handles were given.
            IdempotencyConflict: some draft's key belongs to another request. Every other draft
                read so far was accepted, and its handle was given.
            BatchNotFound: the same for a draft with an unknown batch.
            LedgerUnavailable: as in `submit`; its `job_ids` are those of the drafts that were being
                recorded, from its `position` on. Submit these again with the same ids, then go on.
        """
        portions, portion = portions_of(drafts), None
        async with aclosing(self.recording(patience)) as recording:
            while step := await send(recording, portion):
                ids, wants_more = step
                for job_id in ids:
                    yield AsyncJobHandle(self, job_id)
                portion = await anext(portions, None) if wants_more else None

    def recording(self, patience: float | None) -> Recording:
        """A generator that records portions of a stream of drafts: see `stream.recorded`."""
        return recorded(
            self._admissions,
            self._publishing,
            model=self.settings.model,
            tenant=self._ownership.tenant,
            patience=patience,
        )

    @takes_submission
    async def rerank(
        self,
        *,
        timeout: float | None = None,  # noqa: ASYNC109  as in `result`
        **arguments: Unpack[Submission],
    ) -> RerankResult:
        """Submit a job, and wait for its ranking; it goes to the interactive lane by default.

        Args:
            timeout: seconds to wait; None until the job's end.
            **arguments: as for `submit`.

        Raises:
            InvalidRequest, QueueFull, IdempotencyConflict, BatchNotFound: as `submit` says.
            ResultTimeout: the job has not ended in that time; it goes on, unless its
                `deadline_seconds` say otherwise. `job_ids` names it.
            JobFailed, JobCancelled, JobExpired: the job ended without a ranking.
            JobNotFound, ResultExpired: with an idempotency key: the result of the earlier job is
                past its retention.
            ClientClosed: the client was closed, before or during the call.
            LedgerUnavailable: Redis does not answer. The job may be recorded.
        """
        arguments["lane"] = arguments.get("lane") or Lane.INTERACTIVE
        job = job_from(arguments, default_model=self.settings.model, tenant=self._ownership.tenant)
        job_id = await self._admissions.submit_soon(job)
        return ranking(await self._end(job_id, timeout))

    async def settled(
        self,
        job: Job,
        timeout: float | None,  # noqa: ASYNC109  as in `result`
        *,
        withdraw: bool = False,
    ) -> Settled:
        """As `rerank`, for a job that is valid already; the ranking is given as it is stored.

        For programs that pass rankings on, such as the gateway. Jobs that are given at the same
        moment are recorded in one call, and announced in one message.

        Args:
            job: what to submit.
            timeout: seconds to wait; None until the job's end.
            withdraw: whether to cancel the job if this call is cancelled, or waits in vain. A job
                with an idempotency key is never cancelled, as others may wait for it.

        Raises:
            InvalidRequest: the job is too large, not valid Unicode, or its result cannot be read.
            QueueFull, IdempotencyConflict, BatchNotFound, ResultTimeout: as `rerank` says.
            JobNotFound, ResultExpired, ClientClosed, LedgerUnavailable: as `rerank` says.
        """
        return await self._calls.settled(
            owned(job, self._ownership.tenant), timeout, withdraw=withdraw
        )

    async def forecast(self, lane: Lane | str) -> Forecast:
        """How long a job that is submitted now would wait before its call, as far as is known.

        Ask as often as you like: Redis is read four times a second at most. It is not known which
        account serves which model, so the best account counts.

        Raises:
            LedgerUnavailable: Redis did not answer.
        """
        return await self._forecasts.get().get(Lane(lane))
