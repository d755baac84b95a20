"""When and how recorded events are sent, and what becomes of them when they cannot be."""

import asyncio
import json
import logging
from collections.abc import Sequence
from typing import Any, Final

import pytest
from kombu.clocks import LamportClock

from rerankq.broker.event_messages import EventMessages
from rerankq.contract import JobState, Lane
from rerankq.errors import LedgerRefusal, LedgerUnavailable
from rerankq.events import (
    CallRef,
    CallStarted,
    Event,
    Events,
    JobClaimed,
    JobExpired,
    JobFailed,
    JobRef,
    JobReleased,
    JobRevoked,
    OutcomeDropped,
    OutcomeRefused,
)
from rerankq.ledger.records import Outline
from rerankq.store.keys import Keys
from rerankq_worker.task_events.recorder import TaskEvents
from rerankq_worker.task_events.sender import MOST_TOGETHER, TaskEventSender

NODE: Final = "bulk.1@host"


class Redis:
    """Takes what is published."""

    def __init__(self) -> None:
        self.listeners = 1
        self.error: Exception | None = None
        self.published: list[list[dict[str, Any]]] = []
        self.states: dict[str, JobState] = {}

    async def command(self, name: str, channel: str, message: bytes) -> int:
        """Answer a PUBLISH."""
        assert (name, channel) == ("PUBLISH", "test:/3.rerankq.events/task.multi")
        if self.error:
            raise self.error
        envelope = json.loads(message)
        assert envelope["properties"]["body_encoding"] == envelope["content-encoding"] == "utf-8"
        self.published.append(json.loads(envelope["body"]))
        return self.listeners

    async def outlines(self, job_ids: Sequence[str]) -> list[Outline | None]:
        """What the ledger has of these jobs."""
        found = map(self.states.get, job_ids)
        return [Outline(state, 1, None) if state else None for state in found]


class Parts:
    """A sender with all that it needs."""

    def __init__(self, most: int = 1000) -> None:
        self.events = Events()
        self.recorded = TaskEvents(self.events, most=most)
        self.redis = Redis()
        self.clock = LamportClock(10)
        self.sender = TaskEventSender(
            self.recorded,
            self.redis,  # type: ignore[arg-type]  # all of a store that it uses
            EventMessages(Keys("test"), 3, NODE),
            self.redis,  # type: ignore[arg-type]  # all of the records that it uses
            node=NODE,
            clock=self.clock,
        )

    def claim(self, *names: str) -> None:
        """Tell that these jobs were claimed."""
        for name in names:
            job = JobRef(name, Lane.BULK, "m")
            self.events.tell(JobClaimed(job=job, attempts=0, waited_seconds=0))

    def send(self) -> list[list[dict[str, Any]]]:
        """Send what waits, as at a worker's end; returns what was published."""

        async def ended() -> None:
            async with self.sender:
                pass

        before = len(self.redis.published)
        asyncio.run(ended())
        return self.redis.published[before:]


def job_ids(messages: Sequence[Sequence[dict[str, Any]]]) -> list[str]:
    """The jobs of these messages, in order."""
    return [event["uuid"] for message in messages for event in message]


def test_many_events_go_in_one_message_and_in_order() -> None:
    """Events share messages; each has the node's name, and a clock that goes on."""
    parts = Parts(most=2 * MOST_TOGETHER)
    names = [f"j{number}" for number in range(MOST_TOGETHER + 1)]
    parts.claim(*names)
    messages = parts.send()
    assert [len(message) for message in messages] == [MOST_TOGETHER, 1]
    assert job_ids(messages) == names
    assert {event["hostname"] for event in messages[0]} == {NODE}
    clocks = [event["clock"] for message in messages for event in message]
    assert clocks == sorted(set(clocks))
    assert clocks[0] > 10
    assert parts.clock.value > clocks[-1]


def test_when_nobody_listens_one_event_finds_it_out() -> None:
    """Without a listener a single event is sent each time; with one, all are again."""
    parts = Parts()
    parts.redis.listeners = 0
    parts.claim("first")
    parts.send()
    parts.claim("a", "b", "c")
    assert job_ids(parts.send()) == ["a"]
    assert parts.recorded.waiting == 0
    parts.redis.listeners = 2
    parts.claim("d", "e", "f")
    assert job_ids(parts.send()) == ["d", "e", "f"]
    assert parts.recorded.dropped == 0


def test_events_wait_for_redis_and_have_a_bound() -> None:
    """While Redis does not answer, the newest events are kept, and the others are counted."""
    parts = Parts(most=3)
    parts.redis.error = LedgerUnavailable("no answer")
    parts.claim("a", "b")
    assert parts.send() == []
    parts.claim("c", "d", "e")
    assert parts.recorded.dropped == 2
    assert parts.send() == []
    parts.redis.error = None
    assert job_ids(parts.send()) == ["c", "d", "e"]


def test_what_was_taken_goes_back_as_far_as_there_is_room() -> None:
    """Events that could not be sent come before newer ones; the oldest make room."""
    parts = Parts(most=3)
    parts.claim("a", "b", "c")
    taken = parts.recorded.take(2)
    parts.claim("d")
    parts.recorded.give_back(taken)
    assert job_ids(parts.send()) == ["b", "c", "d"]
    assert parts.recorded.dropped == 1


def test_a_refusal_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    """If Redis' access rights forbid the channel, the log says so once, and nothing piles up."""
    parts = Parts()
    parts.redis.error = LedgerRefusal("forbids this user a channel")
    for name in ("a", "b"):
        parts.claim(name)
        with caplog.at_level(logging.WARNING):
            assert parts.send() == []
    assert parts.recorded.waiting == 0
    said = "no task events for Flower: forbids this user a channel; RERANKQ_TASK_EVENTS=off"
    assert [line.startswith(said) for line in caplog.messages] == [True]


@pytest.mark.parametrize(
    ("state", "shown"),
    [
        (JobState.CANCELLED, ["task-received", "task-revoked"]),
        (JobState.EXPIRED, ["task-received", "task-revoked"]),
        (JobState.RUNNING, ["task-received"]),
        (None, ["task-received"]),
    ],
)
def test_a_job_that_another_worker_has_is_not_revoked(
    state: JobState | None, shown: list[str]
) -> None:
    """When a worker stops its work on a job, the ledger tells whether that was the job's end."""
    parts = Parts()
    parts.claim("a")
    parts.events.tell(JobRevoked(job=JobRef("a")))
    parts.redis.states = {"a": state} if state else {}
    (message,) = parts.send()
    assert [event["type"] for event in message] == shown
    assert all(event["kwargs"] == "{'model': 'm', 'lane': 'bulk'}" for event in message)


@pytest.mark.parametrize(
    "end",
    [
        JobFailed(job=JobRef("a"), attempts=1, reason="r", status=None),
        JobReleased(job=JobRef("a")),
        JobExpired(job=JobRef("a")),
        JobRevoked(job=JobRef("a")),
        OutcomeRefused(job=JobRef("a"), repeated=False),
        OutcomeDropped(job=JobRef("a"), message="m"),
    ],
)
def test_a_job_is_held_until_its_worker_has_done_with_it(end: Event) -> None:
    """A job is held from its claim on, is active during its call, and is forgotten at its end."""
    parts = Parts()
    parts.claim("a", "b")
    assert [job.started_at for job in parts.recorded.held.values()] == [None, None]
    parts.events.tell(CallStarted(call=CallRef("a", 1, "m", "s", "a", "k")))
    assert [job.started_at is None for job in parts.recorded.held.values()] == [False, True]
    parts.events.tell(end)
    assert list(parts.recorded.held) == ["b"]
    assert parts.recorded.claimed == 2
