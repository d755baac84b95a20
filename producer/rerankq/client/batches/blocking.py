"""`Batch`: a batch for code without an event loop."""

from collections.abc import AsyncGenerator, Callable, Collection, Coroutine, Iterable, Iterator
from typing import Any, Protocol, Self, TypeVar, Unpack

from rerankq.client.admissions import PATIENCE_SECONDS
from rerankq.client.batches.asynchronous import AsyncBatch
from rerankq.client.batches.controls import WATCH_SECONDS
from rerankq.client.batches.export import Row
from rerankq.client.batches.resubmission import Resubmission
from rerankq.client.batches.results import BatchResult
from rerankq.client.caller import Caller
from rerankq.client.drafts import Draft, Submission, next_portion, takes_submission
from rerankq.client.handles import JobHandle, Owner
from rerankq.contract import BatchOptions, BatchProgress, BatchStatus

T = TypeVar("T")


class Opener(Protocol):
    """What a batch needs of the asynchronous client."""

    def batch_as(self, batch_id: str, options: BatchOptions | None) -> AsyncBatch:
        """The batch with this id, and how it is opened."""


class BatchCaller(Owner, Caller[Opener], Protocol):
    """What a batch needs of the blocking client."""


class Batch:
    """Jobs that belong together, in order. `AsyncBatch` says what each method does and raises."""

    def __init__(
        self, client: BatchCaller, batch_id: str, options: BatchOptions | None = None
    ) -> None:
        self._client = client
        self._id = batch_id
        self._options = options
        self._entered: AsyncBatch | None = None

    def __repr__(self) -> str:
        return f"<rerank batch {self.id}>"

    @property
    def id(self) -> str:
        """The batch's id, with which any process can come back to it."""
        return self._id

    def open(self) -> Self:
        """Open it, which `with` does too; safe to repeat: a batch with its id stays as it is."""
        self._ask(lambda batch: batch.open())
        self._options = None
        return self

    def __enter__(self) -> Self:
        self._opened()
        self._entered = self._ask(lambda batch: batch.__aenter__())
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            self._ask(lambda batch: batch.__aexit__(kind))
        finally:
            self._entered = None

    @takes_submission
    def add(self, **arguments: Unpack[Submission]) -> JobHandle:
        """Add one job. When this returns, it is recorded in the ledger, as the batch's last."""
        self._opened()
        return JobHandle(self._client, self._ask(lambda batch: batch.add(**arguments)).id)

    def add_many(
        self, drafts: Iterable[Draft], *, patience: float | None = PATIENCE_SECONDS
    ) -> Iterator[JobHandle]:
        """Add jobs as a stream, in bounded memory; handles come in the order of `drafts`."""
        # Drafts are read here, not on the loop: they may come from a file or a database.
        stream, start = iter(drafts), 0
        while True:
            portion, broken = next_portion(stream)
            ids, wrong = self._offer(portion, start, patience)
            start += len(portion)
            for job_id in ids:
                yield JobHandle(self._client, job_id)
            if wrong or broken:
                raise wrong or broken  # type: ignore[misc]  # one of them is there
            if not portion:
                return

    def seal(self) -> None:
        """Say that nothing more will be added: the batch is done when all its jobs have ended."""
        self._ask(lambda batch: batch.seal())

    def abandon(self) -> None:
        """Say that nothing more will be added, though input is left: `cut_at` tells readers so."""
        self._ask(lambda batch: batch.abandon())

    def cut_at(self) -> int | None:
        """The number, from 1, of the first line that was not added; None when none is missing."""
        return self._ask(lambda batch: batch.cut_at())

    def unfed_seconds(self) -> float:
        """Seconds since an entry was added, or the feeder was heard of."""
        return self._ask(lambda batch: batch.unfed_seconds())

    def progress(self) -> BatchProgress:
        """The counts, exact at the moment of reading."""
        return self._ask(lambda batch: batch.progress())

    def status(self, *, why: bool = False) -> BatchStatus:
        """All that is known of it; with `why`, also why it waits."""
        return self._ask(lambda batch: batch.status(why=why))

    def watch(self, *, every: float = WATCH_SECONDS) -> Iterator[BatchStatus]:
        """Its status now and every so many seconds, until it has ended."""
        return self._each(lambda batch: batch.watch(every=every))

    def wait(self, timeout: float | None = None) -> BatchStatus:
        """Wait until it has ended, up to `timeout` seconds (None: without a limit)."""
        return self._ask(lambda batch: batch.wait(timeout))

    def pause(self) -> bool:
        """Let none of its jobs begin; False when it was paused already. Running jobs end."""
        return self._ask(lambda batch: batch.pause())

    def resume(self) -> int:
        """Let its jobs go on; returns how many were held."""
        return self._ask(lambda batch: batch.resume())

    def set_budget(self, budget: str | None) -> None:
        """Set what its jobs may cost together, or lift that with None. What was spent counts."""
        self._ask(lambda batch: batch.set_budget(budget))

    def cancel(self) -> int:
        """Cancel what has not ended, and let nothing be added; returns how many jobs this ended."""
        return self._ask(lambda batch: batch.cancel())

    def seconds_left(self) -> float:
        """Seconds until the batch and its results are deleted; 0 when there is no such batch."""
        return self._ask(lambda batch: batch.seconds_left())

    def results(
        self,
        *,
        start: int = 0,
        in_order: bool = False,
        wait: bool = True,
        timeout: float | None = None,
    ) -> Iterator[BatchResult]:
        """The result of each entry, as jobs end; may be called again, also by other processes."""
        for portion in self._each(
            lambda batch: batch.result_portions(
                start=start, in_order=in_order, wait=wait, timeout=timeout
            )
        ):
            yield from portion

    def rows(self, *, start: int = 0, wait: bool = False) -> Iterator[list[Row]]:
        """The result of each entry, in order, with its ranking as it is stored: as JSON."""
        return self._each(lambda batch: batch.rows(start=start, wait=wait))

    def failures(self, *, start: int = 0) -> Iterator[BatchResult]:
        """The jobs that have failed by now, each with the reason, in the order they failed."""
        for portion in self._each(lambda batch: batch.failure_portions(start=start)):
            yield from portion

    def resubmit_failed(self, *, reasons: Collection[str] = ()) -> Resubmission["Batch"]:
        """Submit the failed jobs again, as the jobs of a new batch, which is sealed then."""
        done = self._ask(lambda batch: batch.resubmit(reasons))
        batch = None if done.batch is None else Batch(self._client, done.batch)
        return Resubmission(batch, done.submitted, done.missing)

    def release(self) -> None:
        """Say that all results were read: from now on they are kept for RERANKQ_RESULT_TTL."""
        self._ask(lambda batch: batch.release())

    def _offer(self, portion: list[Draft], start: int, patience: float | None) -> Any:
        self._opened()
        return self._ask(lambda batch: batch.offer(portion, start=start, patience=patience))

    def _opened(self) -> None:
        if self._options is not None:
            self.open()

    def _ask(self, question: Callable[[AsyncBatch], Coroutine[Any, Any, T]]) -> T:
        return self._client.call(lambda client: question(self._entered or self._of(client)))

    def _each(self, question: Callable[[AsyncBatch], AsyncGenerator[T, None]]) -> Iterator[T]:
        return self._client.each(lambda client: question(self._of(client)))

    def _of(self, client: Opener) -> AsyncBatch:
        return client.batch_as(self.id, self._options)
