"""A batch: how it is opened, how it stands, and why its jobs wait.

Times are Unix seconds by Redis' clock.
"""

from enum import StrEnum
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    AfterValidator,
    Field,
    StrictFloat,
    StrictInt,
    StringConstraints,
    model_validator,
)
from pydantic_core import PydanticSerializationError, to_json

from rerankq.contract.bounds import (
    MAX_CALLBACKS,
    MAX_DEADLINE_SECONDS,
    MAX_DETAILS_BYTES,
    MAX_KEPT_SECONDS,
    MAX_METADATA_ENTRIES,
)
from rerankq.contract.budget import BudgetText, BudgetUse
from rerankq.contract.message import Message
from rerankq.contract.status import BatchProgress

# Without a colon, which separates the parts of a key in Redis.
TenantName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
_Target = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,200}$")]


class BatchState(StrEnum):
    """The state of a batch. The last four are ends."""

    OPEN = "open"
    """More jobs may be added."""
    RUNNING = "running"
    """Nothing more is added, and jobs have yet to end."""
    PAUSED = "paused"
    CANCELLING = "cancelling"
    """It was cancelled, and jobs have yet to end."""
    COMPLETED = "completed"
    """All jobs have ended, each in its own way."""
    CANCELLED = "cancelled"
    """All jobs have ended after it was cancelled. Some may have succeeded before."""
    EXPIRED = "expired"
    """All jobs have ended, and its deadline cut it: it kept some from running, or it came before
    the seal. Others may have succeeded before."""
    ABANDONED = "abandoned"
    """It was never sealed, and nobody adds to it any more: input is missing."""

    @property
    def ended(self) -> bool:
        """Whether this is an end."""
        return self in _ENDS


_ENDS: Final = frozenset(
    {BatchState.COMPLETED, BatchState.CANCELLED, BatchState.EXPIRED, BatchState.ABANDONED}
)


class Callback(Message):
    """Who is told of the end of a job or a batch: a webhook, or a Celery task."""

    webhook: _Target | None = Field(default=None, description="Id of a webhook's endpoint.")
    task: _Target | None = Field(default=None, description="Name of a Celery task.")
    queue: _Target | None = Field(default=None, description="Celery queue of that task.")

    @model_validator(mode="after")
    def _names_one(self) -> Self:
        if (self.webhook is None) == (self.task is None):
            raise ValueError("must name either a webhook or a task")
        if self.webhook is not None and self.queue is not None:
            raise ValueError("has a queue, which only a task can have")
        return self


def _bounded(details: dict[str, Any]) -> dict[str, Any]:
    try:
        size = len(to_json(details))
    except (PydanticSerializationError, ValueError):
        raise ValueError("must be valid JSON") from None
    if size > MAX_DETAILS_BYTES:
        raise ValueError(f"must be at most {MAX_DETAILS_BYTES:,} bytes of JSON")
    return details


class BatchOptions(Message):
    """How a batch is opened."""

    metadata: Annotated[
        dict[
            Annotated[str, StringConstraints(min_length=1, max_length=64)],
            Annotated[str, StringConstraints(max_length=512)],
        ],
        Field(max_length=MAX_METADATA_ENTRIES),
    ] = Field(default_factory=dict, description="The caller's own notes, given back with it.")
    deadline_seconds: Annotated[StrictFloat, Field(gt=0, le=MAX_DEADLINE_SECONDS)] | None = Field(
        default=None, description="Seconds after its opening by which all jobs must have ended."
    )
    kept_seconds: Annotated[StrictFloat, Field(ge=1, le=MAX_KEPT_SECONDS)] | None = Field(
        default=None, description="How long it is kept; RERANKQ_BATCH_TTL when absent."
    )
    expected: Annotated[StrictInt, Field(ge=0)] | None = Field(
        default=None, description="How many jobs it will have, if that is known before."
    )
    callbacks: Annotated[tuple[Callback, ...], Field(max_length=MAX_CALLBACKS)] = Field(
        default=(), description="Who is told of its end."
    )
    budget: BudgetText | None = Field(
        default=None,
        description="What its jobs may cost together: tokens, such as 5000000, or 12.50 USD.",
    )
    details: Annotated[dict[str, Any], AfterValidator(_bounded)] = Field(
        default_factory=dict, description="What a program that serves it notes for itself."
    )


WaitCode = Literal[
    "paused",
    "not_before",
    "cheap_hours",
    "retry",
    "behind",
    "throttled",
    "breaker_open",
    "key_parked",
    "model_parked",
    "no_worker",
    "quota",
    "budget",
    "lane_full",
    "batch_open",
]


class WaitReason(Message):
    """Why a job, or a batch, does not go on.

    `code` is stable, for programs; `message` is a sentence that says what to do, if anything.
    """

    code: WaitCode
    message: str
    until: StrictFloat | None = Field(
        default=None, description="When it may go on, if that is known."
    )
    jobs_ahead: StrictInt | None = Field(
        default=None, description="Jobs of its lane that come before it."
    )
    account: str | None = Field(default=None, description="The upstream's account in question.")


class Forecast(Message):
    """When a job that is submitted now would begin its call, as far as that is known."""

    wait_seconds: StrictFloat
    by: Literal["", "upstream", "outage", "quota", "queue", "no_worker"] = Field(
        default="",
        description="What makes most of the wait: `upstream` throttles, or is out (`outage`). At 0 "
        "seconds of an outage, the next job is a trial whether it is still out.",
    )
    until: StrictFloat | None = None
    message: str = ""


class BatchStatus(BatchProgress):
    """All that is known of a batch: its counts, its state, its times and its speed.

    The jobs that have not ended are `queued`, `running`, `scheduled` (they wait for a retry or for
    their `not_before`) or `held` by a pause. While workers of version 0.1 serve it, some of the
    queued may be counted as running; the ends and the total are exact always.
    """

    state: BatchState
    queued: StrictInt
    running: StrictInt
    scheduled: StrictInt
    held: StrictInt
    created_at: StrictFloat
    kept_until: StrictFloat | None = Field(
        default=None, description="When it is deleted, with its results."
    )
    paused_at: StrictFloat | None = None
    cancelled_at: StrictFloat | None = None
    ended_at: StrictFloat | None = None
    deadline_at: StrictFloat | None = None
    expected: StrictInt | None = None
    tenant: TenantName | None = None
    tokens: StrictInt = Field(
        default=0, description="Tokens that the upstream counted, or an estimate where it did not."
    )
    budget: BudgetUse | None = Field(
        default=None, description="What they may cost together; None without a budget."
    )
    reasons: dict[str, StrictInt] = Field(
        default_factory=dict, description="How many jobs failed, by the reason of their failure."
    )
    metadata: dict[str, str] = Field(default_factory=dict)
    details: dict[str, Any] = Field(default_factory=dict)
    retry_of: str | None = Field(
        default=None, description="The batch whose failed jobs this one repeats."
    )
    retried_by: str | None = Field(
        default=None, description="The batch that repeats the failed jobs of this one."
    )
    rate: StrictFloat | None = Field(
        default=None, description="Jobs that end a second; None when it is not known yet."
    )
    seconds_left: StrictFloat | None = Field(
        default=None, description="At that rate; None when nothing moves, or it is not known."
    )
    waits: tuple[WaitReason, ...] = Field(
        default=(), description="Why it does not go on, the most important first, if asked for."
    )
