"""Counts what happens to jobs and batches."""

from typing import Final

from rerankq.contract import JobState, Lane
from rerankq.events import (
    BatchEnded,
    Events,
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
    OutcomeDropped,
    OutcomeRefused,
)
from rerankq.monitoring.metrics import catalogue
from rerankq.monitoring.metrics.children import Children
from rerankq.monitoring.metrics.registry import Metrics

UNKNOWN: Final = "unknown"
"""The lane of a job of which only the id is known."""
DEADLINE: Final = "deadline_passed"


def count_jobs(metrics: Metrics, events: Events) -> None:
    """Count what a client does with jobs, and the batches that end by it."""
    accepted = Children(metrics.counter(catalogue.JOBS_ACCEPTED), 1)
    ended = Children(metrics.counter(catalogue.JOBS_ENDED), 3, fixed=2)
    batches = Children(metrics.counter(catalogue.BATCHES_ENDED), 1)
    cancelled = JobState.CANCELLED.value
    events.listen(lambda event: accepted[_lane(event.job)].inc(), JobAccepted)
    events.listen(lambda event: ended[_lane(event.job), cancelled, ""].inc(), JobCancelled)
    events.listen(lambda event: batches[event.state.value].inc(), BatchEnded)


class WorkerJobs:
    """Counts what a worker does with jobs. A worker serves one lane.

    Args:
        metrics: where they are counted.
        events: of the worker.
        lane: the worker's. The reconciler also ends jobs of the other lane: these name it.
    """

    def __init__(self, metrics: Metrics, events: Events, lane: Lane) -> None:
        self._lane: Final = lane.value
        self._ended = Children(metrics.counter(catalogue.JOBS_ENDED), 3, fixed=2)
        self._retried = Children(metrics.counter(catalogue.JOBS_RETRIED), 2, fixed=1)
        self._repairs = Children(metrics.counter(catalogue.REPAIRS), 1)
        batches = Children(metrics.counter(catalogue.BATCHES_ENDED), 1)
        self._wait = metrics.histogram(catalogue.JOB_WAIT).labels(lane.value)
        self._run = metrics.histogram(catalogue.JOB_RUN).labels(lane.value)
        self._tokens = metrics.counter(catalogue.ESTIMATED).labels(lane.value)
        # Looked up once: this is counted for each job.
        self._succeeded = self._ended[lane.value, JobState.SUCCEEDED.value, ""]
        released = metrics.counter(catalogue.JOBS_RELEASED).labels(lane.value)
        revoked = metrics.counter(catalogue.JOBS_REVOKED).labels(lane.value)
        refused = metrics.counter(catalogue.OUTCOMES_REFUSED)
        dropped = metrics.counter(catalogue.OUTCOMES_DROPPED)
        events.listen(self._has_succeeded, JobSucceeded)
        events.listen(self._has_failed, JobFailed)
        events.listen(self._has_expired, JobExpired)
        events.listen(self._is_retried, JobRetried)
        events.listen(lambda _: released.inc(), JobReleased)
        events.listen(lambda _: revoked.inc(), JobRevoked)
        events.listen(lambda _: refused.inc(), OutcomeRefused)
        events.listen(lambda _: dropped.inc(), OutcomeDropped)
        events.listen(lambda event: batches[event.state.value].inc(), BatchEnded)
        events.listen(lambda event: self._repairs["requeued"].inc(event.count), JobsRequeued)
        events.listen(lambda _: self._repairs["damaged"].inc(), JobDamaged)
        events.listen(lambda _: self._repairs["key_put_aside"].inc(), KeyPutAside)

    def _has_succeeded(self, event: JobSucceeded) -> None:
        self._succeeded.inc()
        self._wait.observe(event.waited_seconds)
        self._run.observe(event.call_seconds)
        self._tokens.inc(event.estimated_tokens)

    def _has_failed(self, event: JobFailed) -> None:
        self._ended[_lane(event.job, self._lane), JobState.FAILED.value, event.reason].inc()

    def _has_expired(self, event: JobExpired) -> None:
        self._ended[_lane(event.job, self._lane), JobState.EXPIRED.value, DEADLINE].inc()

    def _is_retried(self, event: JobRetried) -> None:
        self._retried[self._lane, event.reason].inc()


def _lane(job: JobRef, otherwise: str = UNKNOWN) -> str:
    return job.lane.value if job.lane else otherwise
