"""Events of a batch, told by the client that feeds or reads it."""

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
        cut_at: the first line of input that was not submitted; None when all were.
    """

    name: ClassVar[str] = "batch.sealed"
    batch_id: str
    cut_at: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchCompleted(Event):
    """A client that reads a sealed batch has found that all its jobs have ended.

    Told each time that the batch is read.

    Attributes:
        batch_id: its id.
        total: entries in all.
        rejected: lines that are no jobs.
        succeeded: jobs with a ranking.
        failed: jobs that failed.
        cancelled: jobs that were cancelled.
        expired: jobs whose deadline passed.
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
    """A client that reads a batch has found that it is not sealed, and not fed any more.

    Attributes:
        batch_id: its id.
        silent_seconds: since its feeder was last heard of.
    """

    name: ClassVar[str] = "batch.abandoned"
    batch_id: str
    silent_seconds: float
