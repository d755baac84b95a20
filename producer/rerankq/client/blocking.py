"""`RerankClient`: the asynchronous client, for code without an event loop."""

import os
import threading
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable, Iterator
from concurrent.futures import Future
from itertools import islice
from typing import Any, Self, TypeVar, Unpack

from rerankq.client.admissions import PATIENCE_SECONDS, Offered, foremost
from rerankq.client.asynchronous import AsyncRerankClient
from rerankq.client.drafts import Draft, Submission, jobs_from
from rerankq.client.handles import JobHandle
from rerankq.client.portal import Portal
from rerankq.contract import Job, JobState, JobStatus
from rerankq.errors import QueueFull
from rerankq.ledger.intake import CALL_JOBS
from rerankq.ledger.records import End
from rerankq.settings import ClientSettings

T = TypeVar("T")


class RerankClient:
    """Submits rerank jobs and brings their results. Safe to share by threads, and after a fork.

    Each method blocks; `AsyncRerankClient` says what each does and raises.

    Args:
        redis_url: the ledger's Redis; `RERANKQ_REDIS_URL` when None.
        settings: all settings at once, in place of the environment.

    Raises:
        SettingsError: a setting is wrong.
    """

    def __init__(
        self, redis_url: str | None = None, *, settings: ClientSettings | None = None
    ) -> None:
        self.settings = settings or ClientSettings.load(redis_url=redis_url)
        self._lock = threading.Lock()
        self._closed = False
        self._process: int | None = None
        self._portal: Portal
        self._client: AsyncRerankClient

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Publish what is under way, then give connections and threads back."""
        with self._lock:
            if not self._closed and self._process == os.getpid():
                self._portal.call(self._client.close())
                self._portal.close()
            self._closed = True

    def submit(self, **arguments: Unpack[Submission]) -> JobHandle:
        """Hand a job in. When this returns, it stands in the ledger and will not be lost."""
        return self._handle(self.call(lambda client: client.submit(**arguments)).id)

    def submit_many(
        self, drafts: Iterable[Draft], *, patience: float | None = PATIENCE_SECONDS
    ) -> Iterator[JobHandle]:
        """Hand in jobs as a stream, in bounded memory; handles come in the order of `drafts`.

        A lane that is full for `patience` seconds and takes none of them ends it by QueueFull, and
        a Redis that does not answer by LedgerUnavailable: see AsyncRerankClient for what they tell.
        """
        # Drafts are drawn here, not on the loop: they may come from a file or a database.
        stream = iter(drafts)
        start, fault, refused = 0, None, None
        recording: Future[Offered] | None = None
        try:
            while not (refused or fault) and (portion := list(islice(stream, CALL_JOBS))):
                jobs, fault = jobs_from(portion, default_model=self.settings.model, start=start)
                begin, start = start, start + len(portion)
                earlier, refused = recording.result() if recording else ([], None)
                # Under way while the next portion is read and checked: neither waits.
                full = isinstance(refused, QueueFull)
                recording = None if full else self._begin_offer(jobs, begin, patience)
                for job_id in earlier:
                    yield self._handle(job_id)
            last, refusal = recording.result() if recording else ([], None)
            for job_id in last:
                yield self._handle(job_id)
        finally:
            if recording:
                # Of no effect at the stream's end; else nobody waits for what is under way.
                recording.cancel()
        if wrong := foremost(refused, refusal, fault):
            raise wrong
        self.call(lambda client: client.publishing.flush())

    def get(self, job_id: str) -> JobHandle:
        """A handle for a job that was accepted earlier, perhaps elsewhere."""
        return self._handle(self.call(lambda client: client.get(job_id)).id)

    def status(self, job_id: str) -> JobStatus:
        """Where a job stands."""
        return self.call(lambda client: client.status(job_id))

    def end(self, job_id: str, timeout: float | None = None) -> End:
        """How a job ended, waiting for it: a ranking, or the error that says why there is none."""
        return self.call(lambda client: client.end(job_id, timeout))

    def cancel(self, job_id: str) -> JobState:
        """Cancel a job in whatever state it is; returns that state. An end stays as it is."""
        return self.call(lambda client: client.cancel(job_id))

    def as_completed(
        self, handles: Iterable[JobHandle], timeout: float | None = None
    ) -> Iterator[JobHandle]:
        """Each handle once its job has ended; its `result()` then answers at once."""
        by_id = {handle.id: handle for handle in handles}
        portal, client = self._opened()
        ends = client.ends(list(by_id), timeout)
        try:
            while found := portal.call(_next(ends)):
                handle = by_id.pop(found[0])
                handle.settle(found[1])
                yield handle
        finally:
            portal.call(ends.aclose())

    def call(self, ask: Callable[[AsyncRerankClient], Coroutine[Any, Any, T]]) -> T:
        """Ask the asynchronous client, and wait for its answer."""
        portal, client = self._opened()
        return portal.call(ask(client))

    def _handle(self, job_id: str) -> JobHandle:
        return JobHandle(self, job_id)

    def _begin_offer(self, jobs: list[Job], start: int, patience: float | None) -> Future[Offered]:
        portal, client = self._opened()
        return portal.begin(client.admissions.offer_drafts(jobs, start=start, patience=patience))

    def _opened(self) -> tuple[Portal, AsyncRerankClient]:
        with self._lock:
            if self._closed:
                raise RuntimeError("this RerankClient is closed: make a new one")
            if self._process != os.getpid():
                # First use, or first use after a fork: the parent's loop did not come along.
                self._portal = Portal()
                self._client = AsyncRerankClient(settings=self.settings)
                self._process = os.getpid()
            return self._portal, self._client


async def _next(ends: AsyncGenerator[tuple[str, End], None]) -> tuple[str, End] | None:
    return await anext(ends, None)
