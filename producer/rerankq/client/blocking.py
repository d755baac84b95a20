"""`RerankClient`: the asynchronous client, for code without an event loop."""

import weakref
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable, Iterator
from contextlib import suppress
from typing import Any, Self, TypeVar, Unpack

from rerankq.client import forks
from rerankq.client.admissions import PATIENCE_SECONDS
from rerankq.client.asynchronous import AsyncRerankClient
from rerankq.client.batches import Batch
from rerankq.client.batches.options import BatchArguments, named_batch
from rerankq.client.drafts import (
    Draft,
    Submission,
    checked_tenant,
    next_portion,
    takes_submission,
)
from rerankq.client.files import BlockingFiles
from rerankq.client.handles import JobHandle
from rerankq.client.job_lists import BlockingJobLists
from rerankq.client.portal import Portal
from rerankq.client.stream import leave, send
from rerankq.client.tenants import BlockingTenants, BlockingTokens
from rerankq.client.uncopied import HoldsConnections
from rerankq.client.usage import BlockingUsage
from rerankq.client.webhooks import BlockingWebhooks
from rerankq.contract import (
    BatchStatus,
    Forecast,
    JobState,
    JobStatus,
    Lane,
    RerankResult,
    WaitReason,
)
from rerankq.errors import ClientClosed, InvalidRequest
from rerankq.events import Events
from rerankq.ledger.ends import End
from rerankq.settings import ClientSettings

T = TypeVar("T")


class RerankClient(HoldsConnections, BlockingJobLists, BlockingUsage):
    """Submits rerank jobs and returns their results. Threads may share it; a fork may use it.

    Each method blocks; `AsyncRerankClient` says what each does and raises.

    Args:
        redis_url: the ledger's Redis; `RERANKQ_REDIS_URL` when None.
        namespace: what its keys begin with there; `RERANKQ_NAMESPACE` when None.
        settings: all settings at once, in place of the environment.
        events: told what this client does with jobs, in its own thread; None makes new ones.

    Attributes:
        tokens: who may use the service over HTTP.
        tenants: the users of one service, their quotas and weights.
        files: what is known of the files that were uploaded to gateways.
        webhooks: URLs that are told of ends.

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
        self._tenant = self.settings.tenant
        self._base = self
        self.tokens = BlockingTokens(self)
        self.tenants = BlockingTenants(self)
        self.files = BlockingFiles(self)
        self.webhooks = BlockingWebhooks(self)
        self._opened: _Opened | None = None
        self._closed = False
        self._entered = 0
        forks.watch(self)

    def __enter__(self) -> Self:
        if self._closed:
            raise ClientClosed
        self._entered += 1
        return self

    def __exit__(self, *_: object) -> None:
        self._entered -= 1
        if self._entered <= 0:
            self.close()

    @property
    def tenant(self) -> str | None:
        """Whose jobs and batches this client sees and makes; None for all."""
        return self._tenant

    def for_tenant(self, tenant: str | None) -> "RerankClient":
        """A client that sees and makes only what is a tenant's, by the connections of this one."""
        if checked_tenant(tenant) in (None, self._tenant):
            return self
        if self._tenant is not None:
            raise InvalidRequest("tenant", "is another than the client's")
        view = object.__new__(RerankClient)
        vars(view).update(vars(self), _tenant=tenant, _opened=None)
        view.tokens, view.tenants = BlockingTokens(view), BlockingTenants(view)
        view.files = BlockingFiles(view)
        view.webhooks = BlockingWebhooks(view)
        return view

    def close(self) -> None:
        """End all waits with ClientClosed, let other calls end, close connections and threads."""
        if self._base is not self:
            return  # the connections are those of the client that this one was made by
        with forks.opening:
            self._closed = True
            opened, self._opened = self._opened, None
        if opened:
            opened.close()

    @takes_submission
    def submit(self, **arguments: Unpack[Submission]) -> JobHandle:
        """Submit a job. When this returns, the job is recorded in the ledger and is not lost."""
        return self._handle(self.call(lambda client: client.submit(**arguments)).id)

    @takes_submission
    def rerank(
        self, *, timeout: float | None = None, **arguments: Unpack[Submission]
    ) -> RerankResult:
        """Submit a job, and wait for its ranking; it goes to the interactive lane by default."""
        return self.call(lambda client: client.rerank(timeout=timeout, **arguments))

    def forecast(self, lane: Lane | str) -> Forecast:
        """How long a job that is submitted now would wait before its call, as far as is known."""
        return self.call(lambda client: client.forecast(lane))

    def submit_many(
        self, drafts: Iterable[Draft], *, patience: float | None = PATIENCE_SECONDS
    ) -> Iterator[JobHandle]:
        """Submit jobs as a stream, in bounded memory; handles come in the order of `drafts`.

        QueueFull ends it when a lane is full and takes none of them for `patience` seconds, and
        LedgerUnavailable when Redis does not answer: see AsyncRerankClient for their attributes.
        """
        opened = self._open()
        recording = opened.client.recording(patience)
        # Drafts are read here, not on the loop: they may come from a file or a database.
        stream, portion = iter(drafts), None
        try:
            while step := opened.portal.call(send(recording, portion)):
                ids, wants_more = step
                yield from map(self._handle, ids)
                drawn = next_portion(stream) if wants_more else ([], None)
                portion = drawn if any(drawn) else None
        finally:
            with suppress(ClientClosed):
                opened.portal.call(leave(recording))

    def get(self, job_id: str) -> JobHandle:
        """A handle for a job that was accepted earlier, also by another process."""
        return self._handle(self.call(lambda client: client.get(job_id)).id)

    def status(self, job_id: str) -> JobStatus:
        """The status of a job."""
        return self.call(lambda client: client.status(job_id))

    def end(self, job_id: str, timeout: float | None = None) -> End:
        """Wait for a job's end: a ranking, or the error that says why there is none."""
        return self.call(lambda client: client.end(job_id, timeout))

    def why(self, job_id: str | None = None) -> tuple[WaitReason, ...]:
        """Why a job has not ended; without an id, what holds up jobs of any kind."""
        return self.call(lambda client: client.why(job_id))

    def cancel(self, job_id: str) -> JobState:
        """Cancel a job in any state; returns the state it was in. An end stays as it is."""
        return self.call(lambda client: client.cancel(job_id))

    def as_completed(
        self, handles: Iterable[JobHandle], timeout: float | None = None
    ) -> Iterator[JobHandle]:
        """Each handle once its job has ended; its `result()` then returns at once."""
        by_id = {handle.id: handle for handle in handles}
        for job_id, end in self.each(lambda client: client.ends(list(by_id), timeout)):
            handle = by_id.pop(job_id)
            handle.settle(end)
            yield handle

    def open_batch(self, **options: Unpack[BatchArguments]) -> Batch:
        """A new batch, to which jobs are added; `BatchArguments` says what can be told of it."""
        return self.batch(**options).open()

    def batch(self, batch_id: str | None = None, **options: Unpack[BatchArguments]) -> Batch:
        """A batch by its id, or a new one, which `with` or `open()` opens."""
        return Batch(self, *named_batch(batch_id, options))

    def batches(
        self, *, after: str | None = None, limit: int | None = None
    ) -> Iterator[BatchStatus]:
        """The batches, newest first; `after`: the id of the last one that was seen."""
        return self.each(lambda client: client.batches(after=after, limit=limit))

    def call(self, ask: Callable[[AsyncRerankClient], Coroutine[Any, Any, T]]) -> T:
        """Call the asynchronous client, and wait for its answer."""
        opened = self._open()
        return opened.portal.call(ask(opened.client))

    def each(self, ask: Callable[[AsyncRerankClient], AsyncGenerator[T, None]]) -> Iterator[T]:
        """Call the asynchronous client, and give its answers one by one."""
        opened = self._open()
        answers = ask(opened.client)
        try:
            while (found := opened.portal.call(_next(answers))) is not None:
                yield found
        finally:
            # Not needed after an interrupted call or a closed client: the answers have ended.
            with suppress(RuntimeError, ClientClosed):
                opened.portal.call(answers.aclose())

    def run_soon(self, halt: Callable[[], None]) -> float:
        """See `forks`: its threads belong to its portal."""
        del halt
        return 0

    def begin_anew(self) -> None:
        """See `forks`."""
        if self._opened:
            self._opened.leave_to_parent()
            self._opened = None

    def _handle(self, job_id: str) -> JobHandle:
        return JobHandle(self, job_id)

    def _open(self) -> "_Opened | _TenantsView":
        if self._base is not self:
            # Asked each time, as after a fork it has another.
            return _TenantsView(self._base._open_own(), self._tenant)  # noqa: SLF001  its own class
        return self._open_own()

    def _open_own(self) -> "_Opened":
        opened = self._opened
        if opened is not None:
            return opened
        with forks.opening:
            if self._closed:
                raise ClientClosed
            if self._opened is None:
                self._opened = _Opened(self)
            return self._opened


class _Opened:
    """The asynchronous client, and the thread in which it runs, until `owner` is forgotten."""

    def __init__(self, owner: RerankClient) -> None:
        self.portal = Portal()
        self.client = AsyncRerankClient(settings=owner.settings, events=owner.events)
        self._forgotten = weakref.finalize(owner, _end_soon, self.portal, self.client)
        self._forgotten.atexit = False

    def close(self) -> None:
        """End both."""
        self._forgotten.detach()
        self.portal.close(self.client.close())

    def leave_to_parent(self) -> None:
        """In a forked child: leave both to the parent."""
        self._forgotten.detach()
        forks.inherited.append(self)


class _TenantsView:
    """The same thread, and the asynchronous client of a tenant."""

    def __init__(self, opened: _Opened, tenant: str | None) -> None:
        self.portal = opened.portal
        self.client = opened.client.for_tenant(tenant)


def _end_soon(portal: Portal, client: AsyncRerankClient) -> None:
    portal.close_soon(client.close())


async def _next(answers: AsyncGenerator[T, None]) -> T | None:
    return await anext(answers, None)
