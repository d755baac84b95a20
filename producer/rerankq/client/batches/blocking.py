"""`Batch`: a batch for code without an event loop."""

from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable, Iterator
from typing import Any, Protocol, Self, TypeVar, Unpack

from rerankq.client.admissions import PATIENCE_SECONDS
from rerankq.client.batches.asynchronous import AsyncBatch
from rerankq.client.batches.export import Row
from rerankq.client.batches.results import BatchResult
from rerankq.client.drafts import Draft, Submission, next_portion, takes_submission
from rerankq.client.handles import JobHandle, Owner
from rerankq.contract import BatchProgress

T = TypeVar("T")


class Opener(Protocol):
    """What a batch needs of the asynchronous client."""

    def batch(self, batch_id: str) -> AsyncBatch:
        """The batch with this id."""


class Caller(Owner, Protocol):
    """What a batch needs of the blocking client."""

    def call(self, ask: Callable[[Opener], Coroutine[Any, Any, T]]) -> T:
        """Call the asynchronous client, and wait for its answer."""

    def each(self, ask: Callable[[Opener], AsyncGenerator[T, None]]) -> Iterator[T]:
        """Call the asynchronous client, and give its answers one by one."""


class Batch:
    """Jobs that belong together, in order. `AsyncBatch` says what each method does and raises."""

    def __init__(self, client: Caller, batch_id: str) -> None:
        self._client = client
        self._id = batch_id
        self._entered: AsyncBatch | None = None

    def __repr__(self) -> str:
        return f"<rerank batch {self.id}>"

    @property
    def id(self) -> str:
        """The batch's id, with which any process can come back to it."""
        return self._id

    def __enter__(self) -> Self:
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

    def progress(self) -> BatchProgress:
        """The counts, exact at the moment of reading."""
        return self._ask(lambda batch: batch.progress())

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
        for portion in self._client.each(
            lambda client: client.batch(self.id).result_portions(
                start=start, in_order=in_order, wait=wait, timeout=timeout
            )
        ):
            yield from portion

    def rows(self, *, start: int = 0, wait: bool = False) -> Iterator[list[Row]]:
        """The result of each entry, in order, with its ranking as it is stored: as JSON."""
        return self._client.each(lambda client: client.batch(self.id).rows(start=start, wait=wait))

    def release(self) -> None:
        """Say that all results were read: from now on they are kept for RERANKQ_RESULT_TTL."""
        self._ask(lambda batch: batch.release())

    def _offer(self, portion: list[Draft], start: int, patience: float | None) -> Any:
        return self._ask(lambda batch: batch.offer(portion, start=start, patience=patience))

    def _ask(self, question: Callable[[AsyncBatch], Coroutine[Any, Any, T]]) -> T:
        return self._client.call(lambda client: question(self._entered or client.batch(self.id)))
