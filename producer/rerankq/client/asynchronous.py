"""`AsyncRerankClient`: submit, wait, ask, cancel. The blocking client runs this one."""

from collections.abc import AsyncGenerator, AsyncIterable, Collection, Iterable, Sequence
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from typing import Self, Unpack

from rerankq.accounts.accounts import Accounts
from rerankq.accounts.breakers import SharedBreakers
from rerankq.broker.quarantine import Quarantine
from rerankq.client.admissions import PATIENCE_SECONDS, Admissions
from rerankq.client.arrivals import Arrivals
from rerankq.client.batches.opening import AsyncBatchOpener
from rerankq.client.batches.parts import BatchParts
from rerankq.client.calls import Calls, Settled, not_yet
from rerankq.client.drafts import (
    Draft,
    Submission,
    checked_id,
    checked_tenant,
    job_from,
    owned,
    portions_of,
    takes_submission,
)
from rerankq.client.handles import AsyncJobHandle, ranking
from rerankq.client.operations import Operations
from rerankq.client.operators_only import refuse
from rerankq.client.patience import patiently
from rerankq.client.publishing import Publishing
from rerankq.client.stream import Recording, recorded, send
from rerankq.client.uncopied import HoldsConnections
from rerankq.client.waiting.forecasts import Forecasts
from rerankq.client.waiting.why import Why
from rerankq.contract import Forecast, Job, JobState, JobStatus, Lane, RerankResult, WaitReason
from rerankq.errors import ClientClosed, InvalidRequest
from rerankq.events import Events, JobCancelled, JobRef
from rerankq.ledger.batches import Batches
from rerankq.ledger.dead import DeadLetters
from rerankq.ledger.delays import Delays
from rerankq.ledger.files import Files
from rerankq.ledger.intake import Intake
from rerankq.ledger.ownership import Ownership, unknown_job
from rerankq.ledger.presence import Presence
from rerankq.ledger.records import End, Records
from rerankq.ledger.tenants import Tenants
from rerankq.ledger.tokens import Tokens
from rerankq.ledger.waiting import WaitingJobs
from rerankq.settings import ClientSettings
from rerankq.store.first_contact import FIRST_CONTACT
from rerankq.store.per_loop import PerLoop
from rerankq.store.store import Retention, Store


class AsyncRerankClient(HoldsConnections, AsyncBatchOpener):
    """Submits rerank jobs and returns their results. Any number of calls can run at once.

    It may be used in several event loops: in each it has its own connections, which end with the
    loop. After a fork it may be used in the child, in a new loop.

    Args:
        redis_url: the ledger's Redis; `RERANKQ_REDIS_URL` when None.
        namespace: what its keys begin with there; `RERANKQ_NAMESPACE` when None.
        settings: all settings at once, in place of the environment.
        events: told what this client does with jobs; None makes new ones.

    Attributes:
        settings: the settings in use.
        operations: for operators of the service.
        tokens: who may use the service over HTTP.
        tenants: the users of one service, their quotas and weights.
        files: what is known of the files that were uploaded to gateways.

    Raises:
        SettingsError: a setting is wrong.
    """

    def __init__(
        self,
        redis_url: str | None = None,
        *,
        namespace: str | None = None,
        settings: ClientSettings | None = None,
        events: Events | None = None,
    ) -> None:
        self.events = events or Events()
        self.settings = settings or ClientSettings.load(redis_url=redis_url, namespace=namespace)
        self._store = Store(self.settings.redis_url, self.settings.namespace)
        depth = self.settings.max_queue_depth
        self._publishing = Publishing(self.settings.redis_url, self.settings.namespace)
        self._admissions = Admissions(
            Intake(self._store, max_queue_depth=depth),
            self._publishing,
            max_queue_depth=depth,
            events=self.events,
        )
        accounts, breakers = Accounts(self._store), SharedBreakers(self._store)
        presence = Presence(self._store)
        retention = Retention(self.settings.result_ttl, self.settings.dead_ttl)
        self._records = Records(self._store, retention, self.events)
        waiting = WaitingJobs(self._store)
        self._forecasts = PerLoop(partial(Forecasts, accounts, presence, waiting), Forecasts.close)
        batches = Batches(
            self._store, retention, kept_seconds=self.settings.batch_ttl, events=self.events
        )
        dead = DeadLetters(self._store)
        self._arrivals = Arrivals(self._store, self._records)
        self._calls = Calls(self._admissions, self._arrivals, self._records)
        self._batch_parts = BatchParts(
            owner=self,
            batches=batches,
            records=self._records,
            dead=dead,
            admissions=self._admissions,
            publishing=self._publishing,
            default_model=self.settings.model,
            tenant=None,
            why=Why(
                waiting,
                self._records,
                accounts,
                breakers,
                presence,
                batches,
                max_queue_depth=depth,
            ),
            events=self.events,
        )
        self.operations = Operations(
            dead=dead,
            replays=self._admissions,
            quarantine=Quarantine(self._store),
            accounts=accounts,
            breakers=breakers,
            delays=Delays(self._store),
            presence=presence,
        )
        self.tokens = Tokens(self._store, events=self.events)
        self.tenants = Tenants(self._store, self.tokens)
        self.files = Files(self._store)
        self._ownership = Ownership(self._store, None)
        self._closed = False
        self._entered = 0

    async def __aenter__(self) -> Self:
        if self._closed:
            raise ClientClosed
        self._entered += 1
        return self

    async def __aexit__(self, *_: object) -> None:
        self._entered -= 1
        if self._entered <= 0:
            await self.close()

    @property
    def tenant(self) -> str | None:
        """Whose jobs and batches this client sees and makes; None for all."""
        return self._ownership.tenant

    def for_tenant(self, tenant: str | None) -> "AsyncRerankClient":
        """A client that sees and makes only what is a tenant's, by the connections of this one.

        To it, what is another's does not exist. It has nothing that is for operators. Closing it
        does nothing: it ends with this client.

        Args:
            tenant: its name, 1 to 64 letters, digits and `_ . -`; None for this client itself.

        Raises:
            InvalidRequest: no tenant can have that name, or this is another tenant's client.
        """
        if checked_tenant(tenant) in (None, self.tenant):
            return self
        if self.tenant is not None:
            raise InvalidRequest("tenant", "is another than the client's")
        ownership = Ownership(self._store, tenant)
        view = object.__new__(AsyncRerankClient)
        vars(view).update(vars(self))
        refuse(view)
        view.files = self.files.for_tenant(tenant)
        view._ownership = ownership
        view._batch_parts = replace(
            self._batch_parts,
            owner=view,
            batches=self._batch_parts.batches.of(ownership),
            tenant=tenant,
        )
        return view

    async def close(self) -> None:
        """End all waits with ClientClosed, let other calls end, close connections and thread."""
        if self.tenant is not None:
            return  # the connections are those of the client that this one was made by
        self._closed = True
        await self._arrivals.close()
        await self._calls.close()
        await self._forecasts.close()
        await self._admissions.close()
        await self._store.close()
        await self._publishing.close()

    async def check(self) -> None:
        """Return if Redis answers and lets this client write.

        Raises:
            LedgerUnavailable: it does not.
        """
        await self._store.run(FIRST_CONTACT())

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
        job = job_from(arguments, default_model=self.settings.model, tenant=self.tenant)
        return AsyncJobHandle(self, await self._admissions.submit(job))

    async def submit_job(self, job: Job) -> str:
        """As `submit`, for a job that is valid already; returns its id, or that of an earlier job.

        The earlier job is the one that the idempotency key belongs to.

        Raises:
            InvalidRequest, QueueFull, IdempotencyConflict, BatchNotFound, LedgerUnavailable: as
                `submit` says.
        """
        return await self._admissions.submit(owned(job, self.tenant))

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
        job = job_from(arguments, default_model=self.settings.model, tenant=self.tenant)
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
        return await self._calls.settled(owned(job, self.tenant), timeout, withdraw=withdraw)

    async def forecast(self, lane: Lane | str) -> Forecast:
        """How long a job that is submitted now would wait before its call, as far as is known.

        Ask as often as you like: Redis is read four times a second at most. It is not known which
        account serves which model, so the best account counts.

        Raises:
            LedgerUnavailable: Redis did not answer.
        """
        return await self._forecasts.get().get(Lane(lane))

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
            tenant=self.tenant,
            patience=patience,
        )

    async def get(self, job_id: str) -> AsyncJobHandle:
        """A handle for a job that was accepted earlier, also by another process.

        Raises:
            JobNotFound: the ledger does not know it (any more).
            LedgerUnavailable: Redis did not answer.
        """
        await self.status(job_id)
        return AsyncJobHandle(self, job_id)

    async def status(self, job_id: str) -> JobStatus:
        """The status of a job.

        Raises:
            JobNotFound: the ledger does not know it (any more).
            LedgerUnavailable: Redis did not answer.
        """
        await self._ownership.check(checked_id(job_id))
        return await self._records.status(job_id)

    async def why(self, job_id: str | None = None) -> tuple[WaitReason, ...]:
        """Why a job has not ended, the most important reason first; empty while it runs or has.

        Without an id: what holds up jobs of any kind, such as an account that is out of use.

        Raises:
            JobNotFound: the ledger does not know it (any more).
            LedgerUnavailable: Redis did not answer.
        """
        if job_id is not None:
            await self._ownership.check(checked_id(job_id))
        return await super().why(job_id)

    async def cancel(self, job_id: str) -> JobState:
        """Cancel a job in any state; returns the state it was in. An end stays as it is.

        A second try after a lost answer returns `cancelled`.

        Raises:
            JobNotFound: the ledger does not know it (any more).
            LedgerUnavailable: Redis did not answer.
        """
        await self._ownership.check(checked_id(job_id))
        was = await self._records.cancel(job_id)
        if not was.ended and JobCancelled in self.events.wanted:
            self.events.tell(JobCancelled(job=JobRef(job_id), was=was))
        return was

    async def end(self, job_id: str, timeout: float | None = None) -> End:  # noqa: ASYNC109  as in `result`
        """Wait for a job's end: a ranking, or the error that says why there is none.

        Raises:
            ResultTimeout, InvalidRequest, ClientClosed, LedgerUnavailable: as `result` says.
        """
        if await self._strangers([checked_id(job_id)]):
            return unknown_job(job_id)
        return await self._end(job_id, timeout)

    async def _end(self, job_id: str, timeout: float | None) -> End:  # noqa: ASYNC109  as in `result`
        try:
            return await self._arrivals.end(job_id, timeout=timeout)
        except TimeoutError:
            raise not_yet([job_id], timeout) from None

    async def as_completed(
        self,
        handles: Iterable[AsyncJobHandle],
        timeout: float | None = None,  # noqa: ASYNC109  as in asyncio.as_completed
    ) -> AsyncGenerator[AsyncJobHandle, None]:
        """Each handle once its job has ended; its `result()` then returns at once.

        A job that is named twice is given once. Those that have ended within `timeout` seconds are
        given, however long the caller takes with each; with 0, those that have ended by now.

        Raises:
            ResultTimeout: not all have ended within `timeout` seconds.
            InvalidRequest: `timeout` is not a number.
            ClientClosed: the client was closed, before or during the call.
            LedgerUnavailable: Redis has not answered for a minute.
        """
        waiting = {handle.id: handle for handle in handles}
        async with aclosing(self.ends(list(waiting), timeout)) as ends:
            async for job_id, end in ends:
                handle = waiting.pop(job_id)
                handle.settle(end)
                yield handle

    async def ends(
        self,
        job_ids: Sequence[str],
        timeout: float | None = None,  # noqa: ASYNC109  as in `as_completed`
    ) -> AsyncGenerator[tuple[str, End], None]:
        """As `as_completed`, for jobs by their ids: each id, with how its job ended.

        Results are read as the caller takes them, a mebibyte ahead: a slow caller holds only a few.

        Raises:
            ResultTimeout, InvalidRequest, ClientClosed, LedgerUnavailable: as `as_completed` says.
        """
        left = dict.fromkeys(job_ids)
        for job_id in await self._strangers(left):
            del left[job_id]
            yield job_id, unknown_job(job_id)
        async with aclosing(self._arrivals.ends(left, timeout=timeout)) as arrivals:
            while True:
                try:
                    found = await anext(arrivals, None)
                except TimeoutError:
                    raise not_yet(list(left), timeout) from None
                if found is None:
                    return
                del left[found[0]]
                yield found

    async def _strangers(self, job_ids: Collection[str]) -> set[str]:
        """Those of the jobs that are another's, or do not exist."""
        if self.tenant is None:
            return set()
        return await patiently(lambda: self._ownership.strangers(job_ids))
