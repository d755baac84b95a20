"""What Celery's task events say of a job: never a query, a document or a key.

Texts that a caller chose are cut, and written as Python literals: control characters cannot reach
a terminal. Flower escapes all of it for its pages, and finds `kwargs:custom_id=…`.

Source of the names: Celery's "Monitoring and Management Guide", task events.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final

from rerankq.contract import TASK_NAME, JobState, Lane
from rerankq.events import (
    CallStarted,
    Event,
    JobCancelled,
    JobClaimed,
    JobDamaged,
    JobExpired,
    JobFailed,
    JobRef,
    JobReleased,
    JobRetried,
    JobSucceeded,
)

Fields = dict[str, Any]
MOST_CHARACTERS: Final = 100
"""Of a model's name, a batch's or a custom id."""
MOST_MESSAGE: Final = 300
"""Characters of a failure's message."""
HANDED_BACK: Final = "handed_back: its worker shuts down, and any other may take it at once"
DAMAGED: Final = "damaged: its record was deleted or changed from outside"


def arguments(job: JobRef) -> str:
    """The job's keyword arguments, as Celery would show them; what tells jobs apart comes first."""
    shared = _shared(job.lane, job.model, job.tenant, job.batch_id)
    if job.custom_id is None:
        return "{" + shared
    return f"{{'custom_id': {_cut(job.custom_id)!r}, {shared}"


def task_event(at: float, event: Event) -> Fields:
    """Celery's event for one of ours, which happened at that Unix time."""
    return _EVENTS[type(event)](at, event)


def revoked(at: float, job: JobRef, state: JobState) -> Fields:
    """The event for a job that was cancelled, or has expired."""
    return _about(job) | {
        "type": "task-revoked",
        "timestamp": at,
        "terminated": state is JobState.CANCELLED,
        "signum": None,
        "expired": state is JobState.EXPIRED,
    }


def _about(job: JobRef) -> Fields:
    # Also in later events: a Flower that was started meanwhile has not seen the first.
    about: Fields = {"uuid": job.id, "name": TASK_NAME}
    return about | {"args": "()", "kwargs": arguments(job)} if job.lane else about


def _received(at: float, event: JobClaimed) -> Fields:
    job = event.job
    return {
        "type": "task-received",
        "uuid": job.id,
        "name": TASK_NAME,
        "args": "()",
        "kwargs": arguments(job),
        "retries": event.attempts,
        "timestamp": at,
    }


def _started(at: float, event: CallStarted) -> Fields:
    return {"type": "task-started", "uuid": event.call.job_id, "timestamp": at}


def _succeeded(at: float, event: JobSucceeded) -> Fields:
    job = event.job
    return {
        "type": "task-succeeded",
        "uuid": job.id,
        "name": TASK_NAME,
        "args": "()",
        "kwargs": arguments(job),
        "retries": max(0, event.attempts - 1),
        "runtime": event.call_seconds,
        "result": f"ranked in attempt {event.attempts}, after a wait of "
        f"{event.waited_seconds:.3g} s, for {event.total_tokens or event.estimated_tokens} tokens",
        # Of an attempt before; it would look as if the job had failed.
        "exception": None,
        "timestamp": at,
    }


def _failed(at: float, event: JobFailed) -> Fields:
    status = f" (HTTP {event.status})" if event.status else ""
    said = f": {_cut(event.message, MOST_MESSAGE)}" if event.message else ""
    return _about(event.job) | {
        "type": "task-failed",
        "retries": max(0, event.attempts - 1),
        "exception": f"{event.reason}{status}{said}",
        "traceback": None,
        "timestamp": at,
    }


def _retried(at: float, event: JobRetried) -> Fields:
    return _about(event.job) | {
        "type": "task-retried",
        "retries": event.attempts,
        "exception": f"{event.reason}: tried again after {event.delay_seconds:.3g} s at least",
        "traceback": None,
        "timestamp": at,
    }


def _released(at: float, event: JobReleased) -> Fields:
    said = {"type": "task-retried", "exception": HANDED_BACK, "traceback": None}
    return _about(event.job) | said | {"timestamp": at}


def _expired(at: float, event: JobExpired) -> Fields:
    return revoked(at, event.job, JobState.EXPIRED)


def _cancelled(at: float, event: JobCancelled) -> Fields:
    return revoked(at, event.job, JobState.CANCELLED)


def _damaged(at: float, event: JobDamaged) -> Fields:
    said = {"type": "task-failed", "exception": DAMAGED, "traceback": None}
    return _about(event.job) | said | {"timestamp": at}


@lru_cache(maxsize=256)
def _shared(lane: Lane | None, model: str, tenant: str | None, batch_id: str | None) -> str:
    """The end of the arguments, which many jobs have in common."""
    named = {"batch_id": batch_id, "tenant": tenant, "model": model, "lane": lane and str(lane)}
    return repr({name: _cut(value) for name, value in named.items() if value})[1:]


def _cut(text: str, most: int = MOST_CHARACTERS) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


_EVENTS: Final[Mapping[type[Event], Callable[[float, Any], Fields]]] = {
    JobClaimed: _received,
    CallStarted: _started,
    JobSucceeded: _succeeded,
    JobFailed: _failed,
    JobRetried: _retried,
    JobReleased: _released,
    JobExpired: _expired,
    JobCancelled: _cancelled,
    JobDamaged: _damaged,
}
