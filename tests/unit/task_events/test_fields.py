"""What Celery's task events say of a job."""

import ast
from typing import Final

import pytest

from rerankq.contract import JobState, Lane
from rerankq.events import (
    CallRef,
    CallStarted,
    Event,
    JobClaimed,
    JobDamaged,
    JobExpired,
    JobFailed,
    JobRef,
    JobReleased,
    JobRetried,
    JobSucceeded,
)
from rerankq_worker.task_events.fields import arguments, revoked, task_event

JOB: Final = JobRef("j1", Lane.BULK, "m", "b", "c")
UNKNOWN: Final = JobRef("j1")
SHOWN: Final = "{'custom_id': 'c', 'batch_id': 'b', 'model': 'm', 'lane': 'bulk'}"


def succeeded(job: JobRef = JOB, *, attempts: int = 1) -> JobSucceeded:
    """A success with these measures."""
    return JobSucceeded(
        job=job,
        attempts=attempts,
        waited_seconds=0.5,
        call_seconds=0.25,
        prompt_tokens=0,
        total_tokens=0,
        estimated_tokens=7,
    )


@pytest.mark.parametrize(
    ("event", "kind", "said"),
    [
        (JobClaimed(job=JOB, attempts=2, waited_seconds=0), "task-received", {"retries": 2}),
        (CallStarted(call=CallRef("j1", 1, "m", "s", "a", "k")), "task-started", {}),
        (
            succeeded(attempts=3),
            "task-succeeded",
            {
                "retries": 2,
                "runtime": 0.25,
                "result": "ranked in attempt 3, after a wait of 0.5 s, for 7 tokens",
            },
        ),
        (
            JobFailed(job=JOB, attempts=1, reason="upstream_refused", status=400, message="no"),
            "task-failed",
            {"exception": "upstream_refused (HTTP 400): no", "retries": 0},
        ),
        (
            JobFailed(job=UNKNOWN, attempts=0, reason="crash_loop", status=None),
            "task-failed",
            {"exception": "crash_loop", "retries": 0},
        ),
        (
            JobRetried(job=JOB, attempts=1, reason="throttled", delay_seconds=2.5),
            "task-retried",
            {"exception": "throttled: tried again after 2.5 s at least", "retries": 1},
        ),
        (
            JobReleased(job=JOB),
            "task-retried",
            {"exception": "handed_back: its worker shuts down, and any other may take it at once"},
        ),
        (JobExpired(job=UNKNOWN), "task-revoked", {"expired": True, "terminated": False}),
        (
            JobDamaged(job=UNKNOWN),
            "task-failed",
            {"exception": "damaged: its record was deleted or changed from outside"},
        ),
    ],
)
def test_each_event_has_celerys_form(event: Event, kind: str, said: dict[str, object]) -> None:
    """An event names the job, its time, and what happened, by Celery's names."""
    fields = task_event(12.5, event)
    assert (fields["type"], fields["uuid"], fields["timestamp"]) == (kind, "j1", 12.5)
    assert said.items() <= fields.items()
    if kind != "task-started":
        assert fields["name"] == "rerankq.rerank"
        knows = getattr(event, "job", UNKNOWN).lane is not None
        assert fields.get("kwargs") == (SHOWN if knows else None)


def test_a_cancelled_job_is_told_from_an_expired_one() -> None:
    """Both are revoked: the first by somebody, the second by its deadline."""
    assert revoked(1.0, JOB, JobState.CANCELLED)["terminated"] is True
    assert revoked(1.0, JOB, JobState.CANCELLED)["expired"] is False
    assert revoked(1.0, JOB, JobState.EXPIRED)["expired"] is True


@pytest.mark.parametrize(
    "text",
    ["'\"\\", "a\x1b[2J\nb\r", "\u202eabc", "\u2028", "\ud800", "表", "<script>alert(1)</script>"],
)
def test_arguments_are_harmless_on_a_terminal(text: str) -> None:
    """Texts of the caller are a Python literal of printable characters, and can be read back."""
    shown = arguments(JobRef("j1", Lane.INTERACTIVE, text, text, text))
    assert shown.isprintable()
    named = {"lane": "interactive", "model": text, "batch_id": text, "custom_id": text}
    assert ast.literal_eval(shown) == named


def test_a_tenants_job_names_its_tenant() -> None:
    """An operator sees whose job it is."""
    shown = arguments(JobRef("j1", Lane.BULK, "m", tenant="shop"))
    assert shown == "{'tenant': 'shop', 'model': 'm', 'lane': 'bulk'}"


def test_what_is_shown_has_a_bound() -> None:
    """Long texts are cut: names after a hundred characters, a message after three hundred."""
    long = "x" * 600
    named = ast.literal_eval(arguments(JobRef("j1", Lane.BULK, long, long, long)))
    assert {len(text) for name, text in named.items() if name != "lane"} == {100}
    failed = JobFailed(job=JOB, attempts=1, reason="r", status=None, message=long)
    assert len(task_event(1.0, failed)["exception"]) == len("r: ") + 300
