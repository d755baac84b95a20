"""What is counted of events, as Prometheus reads it."""

import pytest
from prometheus_client import CollectorRegistry

from rerankq.contract import BatchState, JobState, Lane
from rerankq.events import (
    RANKED,
    BatchEnded,
    BreakerClosed,
    BreakerHalfOpened,
    BreakerOpened,
    BrokerLost,
    CallbackDelivered,
    CallDegraded,
    CallFinished,
    CallRef,
    Event,
    Events,
    FileUploaded,
    JobAccepted,
    JobCancelled,
    JobDamaged,
    JobExpired,
    JobFailed,
    JobRef,
    JobReleased,
    JobRetried,
    JobRevoked,
    JobsRequeued,
    JobSucceeded,
    KeyPutAside,
    LedgerCallFailed,
    LedgerOperation,
    LimitFound,
    MessagePutAside,
    OutcomeDropped,
    OutcomeRefused,
    PermitWaited,
    RequestFinished,
    RequestRefused,
    ScoresChecked,
    WorkerDraining,
    WorkerIsolated,
    WorkerReconnected,
)
from rerankq.monitoring.metrics.deliveries import count_deliveries
from rerankq.monitoring.metrics.gateway import GatewayRequests
from rerankq.monitoring.metrics.jobs import WorkerJobs, count_jobs
from rerankq.monitoring.metrics.registry import Metrics
from rerankq.monitoring.metrics.upstream import UpstreamCalls
from rerankq.monitoring.metrics.worker import watch_worker

JOB = JobRef("a", Lane.BULK, model="m")
OTHERS = JobRef("b", Lane.INTERACTIVE)
CALL = CallRef("a", 1, "m", "site", "account", "key")
Labels = dict[str, str]


def succeeded() -> JobSucceeded:
    return JobSucceeded(
        *(),
        job=JOB,
        attempts=1,
        waited_seconds=3.0,
        call_seconds=0.4,
        prompt_tokens=5,
        total_tokens=7,
        estimated_tokens=6,
    )


def called(outcome: str = RANKED, status: int | None = 200, tokens: int = 7) -> CallFinished:
    return CallFinished(call=CALL, seconds=0.4, outcome=outcome, status=status, total_tokens=tokens)


def batch_ended() -> BatchEnded:
    counts = dict.fromkeys(
        ("total", "rejected", "existing", "succeeded", "failed", "cancelled", "expired"), 0
    )
    return BatchEnded(batch_id="b", state=BatchState.COMPLETED, **counts)


def finished(method: str, route: str, status: int | None) -> RequestFinished:
    unused = dict.fromkeys(("tenant", "job_id", "reason", "traceparent"))
    return RequestFinished(
        **unused,
        method=method,
        route=route,
        status=status,
        seconds=0.5,
        bytes_sent=1,
        request_id="r",
    )


def of_worker() -> tuple[CollectorRegistry, Events]:
    metrics, events = Metrics(), Events()
    WorkerJobs(metrics, events, Lane.BULK)
    UpstreamCalls(metrics, events)
    count_deliveries(metrics, events)
    watch_worker(metrics, events, Lane.BULK, held=lambda: 4, most_calls=100)
    return metrics.registry, events


def of_gateway() -> tuple[CollectorRegistry, Events]:
    metrics, events = Metrics(), Events()
    GatewayRequests(metrics, events, waiting=lambda: 2, most_waiting=10)
    count_jobs(metrics, events)
    return metrics.registry, events


BULK = {"lane": "bulk"}
UPSTREAM = {"site": "site", "account": "account"}


@pytest.mark.parametrize(
    ("event", "sample", "labels", "value"),
    [
        (succeeded(), "jobs_ended_total", BULK | {"state": "succeeded", "reason": ""}, 1),
        (succeeded(), "job_wait_seconds_sum", BULK, 3.0),
        (succeeded(), "job_run_seconds_sum", BULK, 0.4),
        (succeeded(), "job_estimated_tokens_total", BULK, 6),
        (
            JobFailed(job=JOB, attempts=1, reason="gone", status=None),
            *("jobs_ended_total", BULK | {"state": "failed", "reason": "gone"}, 1),
        ),
        (
            # The reconciler of a worker ends jobs of any lane.
            JobExpired(job=OTHERS),
            "jobs_ended_total",
            {"lane": "interactive", "state": "expired", "reason": "deadline_passed"},
            1,
        ),
        (
            JobRetried(job=JOB, attempts=1, reason="upstream_error", delay_seconds=1),
            *("jobs_retried_total", BULK | {"reason": "upstream_error"}, 1),
        ),
        (JobReleased(job=JOB), "jobs_released_total", BULK, 1),
        (JobRevoked(job=JOB), "jobs_revoked_total", BULK, 1),
        (JobDamaged(job=JOB), "reconciler_repairs_total", {"kind": "damaged"}, 1),
        (
            JobsRequeued(lane=Lane.BULK, count=3),
            *("reconciler_repairs_total", {"kind": "requeued"}, 3),
        ),
        (KeyPutAside(key="k"), "reconciler_repairs_total", {"kind": "key_put_aside"}, 1),
        (OutcomeRefused(job=JOB, repeated=False), "outcomes_refused_total", {}, 1),
        (OutcomeDropped(job=JOB, message=""), "outcomes_dropped_total", {}, 1),
        (batch_ended(), "batches_ended_total", {"state": "completed"}, 1),
        (called(), "upstream_call_seconds_count", UPSTREAM | {"status_class": "2xx"}, 1),
        (called(), "upstream_tokens_total", {"site": "site", "model": "m"}, 7),
        (
            called("upstream_throttled", 429),
            *("upstream_call_seconds_count", UPSTREAM | {"status_class": "4xx"}, 1),
        ),
        (
            called("upstream_error", None),
            *("upstream_failures_total", UPSTREAM | {"reason": "upstream_error"}, 1),
        ),
        (
            PermitWaited(job=JOB, site="site", account="account", seconds=2.0),
            *("permit_wait_seconds_sum", {"account": "account"}, 2.0),
        ),
        (
            LimitFound(account="account", rate=3.0, slots=None),
            *("limits_found_total", {"account": "account"}, 1),
        ),
        (
            BreakerOpened(breaker="account a b", state="broken", reason=""),
            *("breaker_changes_total", {"kind": "account", "state": "broken"}, 1),
        ),
        (
            BreakerHalfOpened(breaker="key site f", job=JOB),
            *("breaker_changes_total", {"kind": "key", "state": "half_open"}, 1),
        ),
        (
            BreakerClosed(breaker="model site m"),
            *("breaker_changes_total", {"kind": "model", "state": "closed"}, 1),
        ),
        (WorkerDraining(calls=1, seconds=1), "worker_draining", BULK, 1),
        (
            WorkerIsolated(account="account", cause=""),
            *("worker_isolated", {"account": "account"}, 1),
        ),
        (WorkerReconnected(account="account"), "worker_isolated", {"account": "account"}, 0),
        (MessagePutAside(queue="q", fault="f", size=1), "messages_put_aside_total", BULK, 1),
        (
            LedgerCallFailed(operation=LedgerOperation.RENEW, message=""),
            *("ledger_call_failures_total", {"operation": "renew"}, 1),
        ),
        (
            ScoresChecked(site="site", model="m", outcome="all_equal"),
            "score_checks_total",
            {"site": "site", "model": "m", "outcome": "all_equal"},
            1,
        ),
        (
            CallbackDelivered(
                task="t",
                queue="q",
                event_id="e",
                event_type="job.failed",
                tries=1,
                seconds=0.1,
            ),
            *("deliveries_total", {"kind": "celery", "outcome": "delivered"}, 1),
        ),
        (BrokerLost(message=""), "broker_connections_lost_total", {}, 1),
    ],
    ids=lambda each: each.name if isinstance(each, Event) else None,
)
def test_a_worker_counts(event: Event, sample: str, labels: Labels, value: float) -> None:
    """Each event that says something about a worker's health is in a metric."""
    registry, events = of_worker()
    events.tell(event)
    assert registry.get_sample_value(f"rerankq_{sample}", labels) == value


def test_a_worker_shows_what_it_holds() -> None:
    """The jobs that it holds are read when somebody asks for them."""
    registry, _ = of_worker()
    assert registry.get_sample_value("rerankq_worker_jobs", BULK) == 4
    assert registry.get_sample_value("rerankq_worker_max_calls", BULK) == 100


@pytest.mark.parametrize(
    ("event", "sample", "labels", "value"),
    [
        (JobAccepted(job=JOB), "jobs_accepted_total", BULK, 1),
        (
            JobCancelled(job=JobRef("a"), was=JobState.QUEUED),
            *("jobs_ended_total", {"lane": "unknown", "state": "cancelled", "reason": ""}, 1),
        ),
        (batch_ended(), "batches_ended_total", {"state": "completed"}, 1),
        (
            finished("POST", "/v1/rerank", 200),
            "gateway_request_seconds_sum",
            {"method": "POST", "route": "/v1/rerank", "status": "200"},
            0.5,
        ),
        (
            # A path and a method from outside make no series of their own.
            finished("BREW", "", None),
            "gateway_request_seconds_sum",
            {"method": "other", "route": "other", "status": "left"},
            0.5,
        ),
        (RequestRefused(by="quota", retry_after=1), "gateway_refused_total", {"by": "quota"}, 1),
        (CallDegraded(job=JOB, reason="r"), "gateway_degraded_total", {"reason": "r"}, 1),
        (FileUploaded(size=10), "gateway_upload_bytes_total", {}, 10),
    ],
    ids=lambda each: each.name if isinstance(each, Event) else None,
)
def test_a_gateway_counts(event: Event, sample: str, labels: Labels, value: float) -> None:
    """Each event of requests is in a metric."""
    registry, events = of_gateway()
    events.tell(event)
    assert registry.get_sample_value(f"rerankq_{sample}", labels) == value
