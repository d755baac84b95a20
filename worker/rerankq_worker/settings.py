"""Settings of a worker: how it treats jobs, time limits, and what it shows."""

import re
from enum import StrEnum
from importlib.util import find_spec
from typing import Annotated, Final, Self

from pydantic import (
    BeforeValidator,
    Field,
    SecretStr,
    field_validator,
    model_validator,
)
from pydantic_settings import NoDecode

from rerankq.contract.long_documents import LongDocuments
from rerankq.durations import duration
from rerankq.extras import install
from rerankq.settings import MOST_KEPT_SECONDS
from rerankq_worker.site_settings import SEPARATED, SiteSettings

_OF_A_SERVICE: Final = re.compile(r"(tcp|udp|sctp)://")


class TaskEventsOf(StrEnum):
    """Whose Celery events a worker sends, for Flower and `celery events`."""

    JOBS = "jobs"
    MESSAGES = "messages"
    OFF = "off"


class WorkerSettings(SiteSettings):
    """A worker's settings, in addition to a producer's."""

    max_in_flight: Annotated[int, Field(ge=1, le=10_000)] = Field(
        default=100, description="How many calls one worker process may have in flight."
    )
    job_calls: Annotated[int, Field(ge=1, le=1000)] = Field(
        default=50,
        description="How many calls one job may have in flight that is too large for one call.",
    )
    shared_calls: bool = Field(
        default=False, description="Whether small jobs of one query share a call while they wait."
    )
    lease_seconds: Annotated[float, Field(ge=1, le=3600)] = Field(
        default=3.0,
        description="A worker that is silent this long loses its jobs to other workers.",
    )
    call_seconds: Annotated[float, Field(gt=0, le=3600)] = Field(
        default=60.0, description="Time limit of one whole upstream call."
    )
    max_attempts: Annotated[int, Field(ge=1, le=100)] = Field(
        default=5, description="Attempts before a job fails; throttled ones are not counted."
    )
    min_retry_seconds: Annotated[float, Field(ge=0, le=MOST_KEPT_SECONDS)] = Field(
        default=300.0,
        description="How long a failing job is tried at least, however many attempts that takes.",
    )
    give_up_seconds: Annotated[float, Field(gt=0, le=MOST_KEPT_SECONDS)] = Field(
        default=86_400.0, description="Age of a job after which it is not tried again."
    )
    score_check_seconds: Annotated[float, Field(ge=0, le=MOST_KEPT_SECONDS)] = Field(
        default=3600.0,
        description="How often the scores of each model at each site are checked; 0 for never.",
    )
    long_documents: LongDocuments = Field(
        default=LongDocuments.ERROR,
        description="What is done with documents beyond the context of jobs that do not say it: "
        "error, truncate or split.",
    )
    most_passages: Annotated[int, Field(ge=2, le=1000)] = Field(
        default=16, description="Passages into which one document is split at most."
    )
    drain_seconds: Annotated[float, Field(ge=0, le=MOST_KEPT_SECONDS)] = Field(
        default=30.0, description="How long SIGTERM lets running jobs finish."
    )

    reuse: Annotated[float | None, Field(ge=1, le=MOST_KEPT_SECONDS), BeforeValidator(duration)] = (
        Field(
            default=None,
            description="How long scores of a pair of query and document are used again, as 24h; "
            "unset: never.",
        )
    )
    reuse_bytes: Annotated[int, Field(ge=1_000_000, le=10**12)] = Field(
        default=128 * 1024 * 1024,
        description="Most bytes of such scores in Redis; the oldest go first.",
    )
    history_ttl: Annotated[float, Field(ge=0, le=MOST_KEPT_SECONDS)] = Field(
        default=604_800.0, description="Seconds to keep ended jobs in the history; 0: no history."
    )
    history_bytes: Annotated[int, Field(ge=1_000_000, le=10**12)] = Field(
        default=128 * 1024 * 1024,
        description="Most bytes of the history in Redis; the oldest jobs go first.",
    )
    usage_days: Annotated[int, Field(ge=1, le=4000)] = Field(
        default=400,
        description="Days to keep what calls have used: `rerankq usage`.",
    )
    health_host: str = Field(default="127.0.0.1", description="Where /live and /ready answer.")
    health_port: Annotated[int, Field(ge=1, le=65_534)] | None = Field(
        default=None,
        description="Their port; none when unset. The second lane of a command takes the next.",
    )
    task_events: TaskEventsOf = Field(
        default=TaskEventsOf.JOBS,
        description="What Flower shows: jobs, or the messages that name them, or off.",
    )
    metrics: bool = Field(
        default=False, description="Whether /metrics answers there too, for Prometheus."
    )
    callback_broker_url: SecretStr | None = Field(
        default=None,
        description="Broker of your own Celery application, for callbacks; Redis' URL when unset.",
    )
    listeners: Annotated[tuple[str, ...], NoDecode, SEPARATED] = Field(
        default=(),
        description="Functions that listen to a worker's events, as module:function.",
    )

    @property
    def callback_broker(self) -> str:
        """Where the tasks of users are sent."""
        own = self.callback_broker_url
        return own.get_secret_value() if own else self.redis_url

    @field_validator("health_port", mode="before")
    @classmethod
    def _by_hand(cls, port: object) -> object:
        # Kubernetes sets this very variable to an address if a Service is named `rerankq-health`.
        is_address = isinstance(port, str) and _OF_A_SERVICE.match(port)
        return None if is_address else port

    @model_validator(mode="after")
    def _results_outlive_leases(self) -> Self:
        if self.result_ttl < self.lease_seconds:
            raise ValueError("RERANKQ_RESULT_TTL must be at least RERANKQ_LEASE_SECONDS")
        return self

    @model_validator(mode="after")
    def _metrics_can_be_served(self) -> Self:
        if self.metrics and self.health_port is None:
            raise ValueError("RERANKQ_METRICS needs RERANKQ_HEALTH_PORT, where /metrics answers")
        if self.metrics and not find_spec("prometheus_client"):
            raise ValueError(f"RERANKQ_METRICS needs an extra: {install('metrics')}")
        return self
