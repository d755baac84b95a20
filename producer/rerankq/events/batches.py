"""Events of a batch, told by the client that feeds or reads it, or by whoever ends it."""

from dataclasses import dataclass
from typing import ClassVar

from rerankq.contract import BatchState
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
class ImportBegan(Event):
    """A gateway has begun to check the file that a batch is filled from.

    Told again when another gateway begins anew, because the first one died while it checked.

    Attributes:
        batch_id: the batch.
        tenant: whose it is; None for the operator's.
    """

    name: ClassVar[str] = "import.began"
    batch_id: str
    tenant: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportEnded(Event):
    """Nothing more is added to a batch from its file.

    Attributes:
        batch_id: the batch.
        tenant: whose it is; None for the operator's.
        lines: lines that are jobs.
        bad: lines that are none; if there are any, nothing was submitted.
        submitted: entries that the batch has; fewer than `lines` when it was cancelled, or late.
    """

    name: ClassVar[str] = "import.ended"
    batch_id: str
    tenant: str | None
    lines: int
    bad: int
    submitted: int


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
class BatchPaused(Event):
    """A client has paused a batch: none of its jobs begins.

    Attributes:
        batch_id: its id.
    """

    name: ClassVar[str] = "batch.paused"
    batch_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchResumed(Event):
    """A client has let a paused batch go on.

    Attributes:
        batch_id: its id.
        released: jobs that were held back.
    """

    name: ClassVar[str] = "batch.resumed"
    batch_id: str
    released: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchCancelled(Event):
    """A client has cancelled a batch: none of its jobs begins any more.

    Attributes:
        batch_id: its id.
    """

    name: ClassVar[str] = "batch.cancelled"
    batch_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchEnded(Event):
    """A batch has ended; told once, by the process whose write was the last.

    Attributes:
        batch_id: its id.
        state: how it ended.
        total: entries in all.
        rejected: lines that are no jobs.
        existing: lines whose job had been accepted before.
        succeeded: jobs with a ranking.
        failed: jobs that failed.
        cancelled: jobs that were cancelled.
        expired: jobs whose deadline passed.
    """

    name: ClassVar[str] = "batch.ended"
    batch_id: str
    state: BatchState
    total: int
    rejected: int
    existing: int
    succeeded: int
    failed: int
    cancelled: int
    expired: int


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
