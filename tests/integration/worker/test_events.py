"""What a real worker tells its listeners."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from rerankq import RerankClient
from rerankq.contract import RerankResult
from rerankq.errors import JobFailed, QueueFull, QuotaExceeded
from rerankq.events import Events, JobAccepted, JobCancelled, JobRefused
from rerankq.settings import ClientSettings
from running.heard import heard
from running.sandbox import RunningSandbox
from running.waiting import eventually
from running.worker import RunningWorker

LISTENING = Path(__file__).parents[2] / "running" / "listening"
SPAN = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
PRIVATE = ("the-very-query", "the-very-document", "the-very-metadata", "sk-test")


class Told:
    """The events of a worker so far."""

    def __init__(self, path: Path, worker: RunningWorker) -> None:
        self.path = path
        self.worker = worker

    def lines(self, job_id: str = "") -> list[str]:
        """The events about a job, or all events: name and content."""
        return [line for line in self.path.read_text().splitlines() if job_id in line]

    def names(self, job_id: str = "") -> list[str]:
        """The names of a job's events, or of all events, in order."""
        return [line.partition(" ")[0] for line in self.lines(job_id)]


@pytest.fixture
def told(redis_url: str, upstream: RunningSandbox, tmp_path: Path) -> Iterator[Told]:
    """The events of a worker that serves the bulk lane."""
    path = tmp_path / "events"
    path.touch()
    environment = {"EVENTS": str(path), "PYTHONPATH": str(LISTENING)}
    with RunningWorker(
        redis_url, upstream.url, tmp_path, environment=environment, listeners="recording:record"
    ) as worker:
        yield Told(path, worker)
        assert worker.terminate() == 0


def submit(client: RerankClient, **fields: object) -> str:
    """Submit a job with private texts; returns its id."""
    return client.submit(
        query="the-very-query",
        documents=["the-very-document", "another"],
        metadata={"a": "the-very-metadata"},
        custom_id="mine",
        trace_context={"traceparent": SPAN},
        **fields,  # type: ignore[arg-type]  # as submit takes them
    ).id


def test_the_events_of_a_job(redis_url: str, upstream: RunningSandbox, told: Told) -> None:
    """Each step is told once and in order; a call that fails is told before the job goes on."""
    upstream.fault(kind="status", status=500)
    with RerankClient(redis_url) as client:
        retried = submit(client)
        assert isinstance(client.end(retried, 60), RerankResult)
        upstream.fault(kind="status", status=400)
        failed = submit(client)
        assert isinstance(client.end(failed, 30), JobFailed)
    attempt = ["job.claimed", "permit.waited", "call.started", "call.finished"]
    eventually(lambda: "job.failed" in told.names(failed), "the last end is told")
    assert told.names(retried) == [
        *(*attempt, "attempt.failed", "job.retried"),
        *(*attempt, "job.succeeded"),
    ]
    assert told.names(failed) == [*attempt, "attempt.failed", "job.failed"]
    succeeded = told.lines(retried)[-1]
    assert "attempts=2" in succeeded
    assert f"custom_id='mine', traceparent='{SPAN}'" in succeeded
    everything = "\n".join(told.lines())
    assert not [each for each in PRIVATE if each in everything]


def test_the_events_of_a_refusal_and_of_the_end(redis_url: str, told: Told) -> None:
    """A worker sends an event for a message that is no hint; its last event is its drain's end."""
    with Redis.from_url(redis_url) as judge:
        judge.lpush("rerankq.bulk", b"no hint")
    eventually(lambda: "message.put_aside" in told.names(), "the event is sent")
    assert told.worker.terminate() == 0
    assert told.names()[0] == "lane"
    assert told.names()[-2:] == ["worker.draining", "worker.drained"]
    assert "returned=0, unwritten=0" in told.lines()[-1]
    assert "is no hint (not_json): put aside" in told.worker.log()


def test_the_events_of_a_client(redis_url: str) -> None:
    """A client sends events for jobs that it submits, once each, and for jobs that it cancels."""
    events = Events()
    said = heard(events)
    with RerankClient(redis_url, events=events) as client:
        once = submit(client, idempotency_key="a")
        assert submit(client, idempotency_key="a") == once
        many = [each.id for each in client.submit_many([{"query": "q", "documents": ["d"]}] * 2)]
        for _ in range(2):
            client.cancel(once)
    names = [
        (type(each), each.job.id) for each in said if isinstance(each, JobAccepted | JobCancelled)
    ]
    assert names == [
        *((JobAccepted, each) for each in (once, *many)),
        (JobCancelled, once),
    ]
    assert not [private for private in PRIVATE for each in said if private in repr(each)]


def test_a_refusal_for_now_is_told(redis_url: str) -> None:
    """Which quota, and whose job, or that the lane is full; of a stream once, when it gives up."""
    events = Events()
    said: list[JobRefused] = []
    events.listen(said.append, JobRefused)
    settings = ClientSettings.load(redis_url=redis_url).model_copy(update={"max_queue_depth": 2})
    with RerankClient(settings=settings, events=events) as client:
        client.tenants.set("mine", jobs_a_day=1)
        mine = client.for_tenant("mine")
        submit(mine, lane="interactive")
        with pytest.raises(QuotaExceeded):
            submit(mine, lane="interactive")
        with pytest.raises(QuotaExceeded):
            list(mine.submit_many([{"query": "q", "documents": ["d"]}] * 2, patience=0.0))
        submit(client)
        submit(client)
        with pytest.raises(QueueFull):
            submit(client)
    told = [(each.jobs, each.reason, each.quota, each.job.tenant, each.job.lane) for each in said]
    assert told == [
        (1, "quota_exceeded", "day", "mine", "interactive"),
        (2, "quota_exceeded", "day", "mine", "bulk"),
        (1, "queue_full", "", None, "bulk"),
    ]
    assert [each.retry_after is None for each in said] == [False, False, True]
