"""What Flower is told of jobs by the ledger."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any, Final

import pytest
from flower.events import EventsState

from rerankq.cli.operate.flower_ledger import LedgerView
from rerankq.contract import JobState, Lane
from rerankq.errors import LedgerUnavailable
from rerankq.ledger.failures import Failure

NODE: Final = "bulk.1@host"
NOW: Final = 1000.0


class Ledger:
    """Records of jobs."""

    def __init__(self) -> None:
        self.records: dict[str, dict[str, Any]] = {}
        self.asked: list[list[str]] = []
        self.error: Exception | None = None

    async def fields(self, job_ids: Sequence[str]) -> list[dict[str, Any]]:
        """The records of these jobs."""
        if job_ids:
            self.asked.append(list(job_ids))
        if self.error:
            raise self.error
        return [self.records.get(job_id, {}) for job_id in job_ids]


class Parts:
    """Flower's state, and the ledger."""

    def __init__(self) -> None:
        self.ledger = Ledger()
        self.state = EventsState(max_tasks_in_memory=3)
        self.view = LedgerView(self.ledger, self.state)  # type: ignore[arg-type]  # all it uses

    def hear(self, job_id: str, *kinds: str, at: float = 100.0, **more: str) -> None:
        """Let Flower hear of a job; its beginning names it."""
        for kind in kinds:
            told = {"type": f"task-{kind}", "uuid": job_id, "clock": 1}
            named = {"name": "rerankq.rerank"} if kind == "received" else {}
            at_node = {"hostname": NODE, "timestamp": at, "local_received": at}
            self.state.event(told | named | at_node | more)

    def check(self, now: float = NOW) -> None:
        """Compare with the ledger."""
        asyncio.run(self.view.check(now))


@pytest.fixture
def parts() -> Parts:
    """Parts without a job."""
    return Parts()


@pytest.mark.parametrize(
    ("record", "state", "exception"),
    [
        ({"state": JobState.SUCCEEDED, "attempts": 2, "finished": 150_000}, "SUCCESS", None),
        ({"state": JobState.FAILED, "reason": "crash_loop"}, "FAILURE", "crash_loop"),
        ({"state": JobState.CANCELLED}, "REVOKED", None),
        ({"state": JobState.EXPIRED}, "REVOKED", None),
        ({"state": JobState.QUEUED}, "RETRY", "it waits for a worker"),
        (
            {"state": JobState.SCHEDULED, "failure": Failure("throttled", "slow down")},
            "RETRY",
            "throttled: it waits for another attempt",
        ),
        ({"state": JobState.RUNNING, "worker": f"{NODE}.ab12"}, "STARTED", None),
        ({}, "UNKNOWN", "the ledger does not know it any more"),
    ],
)
def test_a_missed_event_is_made_up_for(
    parts: Parts, record: dict[str, Any], state: str, exception: str | None
) -> None:
    """A job that had begun and was not heard of any more gets the state that the ledger has."""
    parts.hear("a", "received", "started")
    parts.ledger.records["a"] = record
    parts.check()
    task = parts.state.tasks["a"]
    assert (task.state, task.exception, task.worker.hostname) == (state, exception, NODE)
    if "finished" in record:
        assert task.succeeded == 150.0
    # Searching finds it by its new state.
    assert parts.state.search_engine.matching_ids(f"state:{state}") == {"a"}


def test_a_job_that_has_moved_is_shown_at_its_new_worker(parts: Parts) -> None:
    """When another worker has a job, it is shown there, and the first one is not made alive."""
    parts.hear("a", "received", "started")
    beats = list(parts.state.workers[NODE].heartbeats)
    parts.ledger.records["a"] = {
        "state": JobState.RUNNING,
        "worker": "bulk.2@b.ab",
        "started": 9000,
    }
    parts.check()
    assert parts.state.tasks["a"].worker.hostname == "bulk.2@b"
    assert parts.state.workers[NODE].heartbeats == beats
    assert parts.state.workers["bulk.2@b"].heartbeats == []


def test_only_silent_jobs_are_looked_up(parts: Parts) -> None:
    """Jobs that have ended, or were heard of or looked up a moment ago, are not looked up."""
    parts.hear("ended", "received", "started", "succeeded")
    parts.hear("new", "received", at=NOW - 1)
    parts.hear("silent", "received")
    parts.ledger.records["silent"] = {"state": JobState.RUNNING, "worker": f"{NODE}.ab"}
    parts.check()
    parts.check(NOW + 5)
    parts.check(NOW + 20)
    assert parts.ledger.asked == [["silent"], ["new", "silent"]]


def test_a_job_whose_beginning_was_missed_gets_its_name(parts: Parts) -> None:
    """A job of which only its start was heard is named as the ledger knows it."""
    parts.hear("a", "started")
    parts.ledger.records["a"] = {"state": JobState.CANCELLED, "lane": Lane.BULK, "custom": "c"}
    parts.check()
    task = parts.state.tasks["a"]
    assert (task.state, task.name) == ("REVOKED", "rerankq.rerank")
    assert task.kwargs == "{'custom_id': 'c', 'lane': 'bulk'}"


def test_messages_are_not_looked_up(parts: Parts) -> None:
    """Tasks that are no jobs, as other workers show them, stay as they were heard of."""
    parts.hear("message", "received", "started", root_id="message")
    parts.hear("other", "started")
    parts.check()
    assert parts.ledger.asked == [["other"]]
    assert {task.state for _, task in parts.state.itertasks()} == {"STARTED"}


def test_a_job_is_looked_up_when_its_page_is_asked_for(parts: Parts) -> None:
    """A job that was never heard of is known by its record; an id that is none asks nothing."""
    record = {"state": JobState.FAILED, "lane": Lane.BULK, "custom": "<b>", "reason": "r"}
    parts.ledger.records["a"] = record | {"batch": "b", "submitted": 1000, "finished": 2000}
    for name in ("a", "a", "unknown", "no id\n", "x" * 65):
        asyncio.run(parts.view.look_up(name))
    assert parts.ledger.asked == [["a"], ["unknown"]]
    task = parts.state.tasks["a"]
    assert (task.state, task.received, task.failed) == ("FAILURE", 1.0, 2.0)
    assert task.kwargs == "{'custom_id': '<b>', 'batch_id': 'b', 'lane': 'bulk'}"
    assert "unknown" not in parts.state.tasks


def test_a_look_up_keeps_the_bound(parts: Parts) -> None:
    """A job that is looked up takes the place of the oldest, in the search as well."""
    parts.hear("1", "received")
    parts.hear("2", "received")
    parts.hear("3", "received")
    parts.ledger.records["a"] = {"state": JobState.CANCELLED, "lane": Lane.BULK, "submitted": 1}
    asyncio.run(parts.view.look_up("a"))
    assert list(parts.state.tasks) == ["2", "3", "a"]
    assert set(parts.state.search_engine.documents) == {"2", "3", "a"}


def test_without_the_ledger_flower_shows_what_it_has_heard(
    parts: Parts, caplog: pytest.LogCaptureFixture
) -> None:
    """When the ledger cannot be read, that is said once, and nothing changes."""
    parts.hear("a", "received")
    parts.ledger.error = LedgerUnavailable("Redis forbids this user a command")
    with caplog.at_level(logging.WARNING):
        parts.check()
        parts.check()
    assert parts.state.tasks["a"].state == "RECEIVED"
    said = "what is shown is not compared with the ledger: Redis forbids this user a command"
    assert caplog.messages == [said]
