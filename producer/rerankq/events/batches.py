"""What happens to a batch, as the client knows it that feeds or reads it."""

from dataclasses import dataclass
from typing import ClassVar

from rerankq.events.event import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchOpened(Event):
    """A client has opened a batch: jobs may enter it.

    Attributes:
        batch_id: its id.
    """

    name: ClassVar[str] = "batch.opened"
    batch_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchSealed(Event):
    """A client has said that nothing more will be added.

    Attributes:
        batch_id: its id.
        cut_at: the first line of input that was not submitted; None where all were.
    """

    name: ClassVar[str] = "batch.sealed"
    batch_id: str
    cut_at: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchCompleted(Event):
    """A client that reads a sealed batch has found all its jobs ended; each time it is read.

    Attributes:
        batch_id: its id.
        total: entries in all.
        rejected: lines that never became a job.
        succeeded: jobs that have a ranking.
        failed: jobs that have none.
        cancelled: jobs that were called off.
        expired: jobs that were not done by their deadline.
    """

    name: ClassVar[str] = "batch.completed"
    batch_id: str
    total: int
    rejected: int
    succeeded: int
    failed: int
    cancelled: int
    expired: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchAbandoned(Event):
    """A client that reads a batch has found that nobody feeds it, and that it was not sealed.

    Attributes:
        batch_id: its id.
        silent_seconds: since the last sign of life of whoever fed it.
    """

    name: ClassVar[str] = "batch.abandoned"
    batch_id: str
    silent_seconds: float
