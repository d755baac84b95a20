"""A call that the library repeats after a lost answer has one effect and the right answer."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from rerankq.accounts.accounts import Allotment, Limits, Report
from rerankq.contract import JobError, JobState
from rerankq.ledger.batches import RejectedLine
from rerankq.ledger.intake import Verdict
from running.ledger_desk import LedgerDesk, claims_of, ids, job
from running.proxy import Proxy
from running.redis_server import RedisServer

ACCOUNT = "rerankq:account:an-account"


class Line:
    """A ledger behind a proxy that can lose the next answer to a request."""

    def __init__(self, proxy: Proxy, direct: LedgerDesk) -> None:
        self._proxy = proxy
        self.direct = direct
        self.desk = LedgerDesk(proxy.url)
        self.losses = 0

    def lose(self, marker: str) -> None:
        """Lose the answer to the next request that holds this text."""
        self._proxy.lose_answer(marker.encode(), self._count)

    def _count(self) -> None:
        self.losses += 1

    def tell(self, report: Report) -> Allotment:
        """An exchange with an account of one call a second."""
        limits = Limits(rpm=60)
        return self.desk.run(self.desk.accounts.exchange("an-account", "w", limits, report))


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    """A proxy to a Redis of its own."""
    with (
        RedisServer(tmp_path) as server,
        Proxy(server.port) as proxy,
        LedgerDesk(server.url) as direct,
    ):
        made = Line(proxy, direct)
        with made.desk:
            yield made
        assert made.losses == 1


def test_submit(line: Line) -> None:
    """Jobs are accepted once, with their ids and their requests."""
    line.lose("rerankq:submitting")
    names = [f"job-{number}" for number in range(6)]
    told = line.desk.submit(*map(job, names))
    assert {each.verdict for each in told} == {Verdict.ACCEPTED}
    assert line.direct.redis.zcard("rerankq:bulk:queued") == len(names)
    assert all(map(line.direct.has_payload, names))


def test_claim(line: Line) -> None:
    """The leases are the caller's, and none of them counts as lost."""
    line.direct.submit(job("a"), job("b"))
    line.lose("job-or-worker")
    leases = line.desk.run(line.desk.leases("job-or-worker").claim(["a", "b"])).leases
    assert ids(leases) == ["a", "b"]
    assert [claims_of(each) for each in leases] == [1, 1]
    assert line.direct.renew(*leases) == set()


@pytest.mark.parametrize("write", ["succeed", "fail", "postpone"])
def test_what_became_of_a_job(line: Line, write: str) -> None:
    """A job has one end, or is postponed once."""
    batch = line.direct.run(line.direct.batches.open())
    lease = line.direct.claimed("a-job-of-a-line", batch_id=batch)
    line.lose("a-job-of-a-line")
    if write == "postpone":
        line.desk.postpone(lease, 60)
        assert line.direct.places(lease.job_id) == ["bulk:scheduled"]
        return
    (line.desk.succeed if write == "succeed" else line.desk.fail)(lease)
    end = JobState.SUCCEEDED if write == "succeed" else JobState.FAILED
    assert line.direct.state(lease.job_id) is end
    progress = line.direct.run(line.direct.batches.progress(batch))
    assert progress.succeeded + progress.failed == 1


def test_cancel(line: Line) -> None:
    """The job is cancelled, and counted once."""
    batch = line.direct.run(line.direct.batches.open())
    line.direct.submit(job("a-job-of-a-line", batch_id=batch))
    line.lose("a-job-of-a-line")
    line.desk.cancel("a-job-of-a-line")
    assert line.direct.state("a-job-of-a-line") is JobState.CANCELLED
    assert line.direct.run(line.direct.batches.progress(batch)).cancelled == 1


def test_permits(line: Line) -> None:
    """Permits that were given with the lost answer are given with the next."""
    line.lose("an-account")
    assert line.tell(Report("bulk", want=1)).permits == 1


def test_report(line: Line) -> None:
    """A worker's report counts once, and the permits that it gives back come back once."""
    line.tell(Report("bulk", want=1))
    line.direct.redis.hset(ACCOUNT, "level", -5)
    line.lose("an-account")
    line.tell(Report("bulk", trouble=3.0, left=1, in_flight=1))
    stored = line.direct.redis.hmget(ACCOUNT, "trouble", "level")
    trouble, level = (float(each or 0) for each in stored)
    assert trouble <= 3.0
    assert -4 <= level < -3.5


def test_probe_of_an_account(line: Line) -> None:
    """The caller gets the probe of an account that is out of use; it is not lost."""
    line.tell(Report("bulk", want=1))
    far = line.direct.now_ms() - 10
    line.direct.redis.hset(
        ACCOUNT, mapping={"mode": "broken", "mode_since": far, "reopens": far, "step": 60_000}
    )
    line.lose("an-account")
    given, again = (line.tell(Report("bulk", want=1)) for _ in range(2))
    assert (given.permits, given.probe) == (1, True)
    assert (again.permits, again.probe) == (0, False)


def test_probe_of_a_breaker(line: Line) -> None:
    """The caller has the turn to probe; no other worker has it until the next is due."""
    line.direct.trip("a-breaker", probe_seconds=60)
    line.direct.let_pass(120)
    line.lose("a-breaker")
    assert line.desk.probe("a-breaker")
    assert not line.desk.probe("a-breaker")
    assert not line.direct.probe("a-breaker")


def test_trip_of_a_breaker(line: Line) -> None:
    """A failure counts once, however often it is sent."""
    line.lose("a-breaker")
    line.desk.trip("a-breaker", certain_after=3)
    (breaker,) = line.direct.run(line.direct.breakers.tripped()).values()
    assert breaker.strikes == 1


def test_entries_of_a_batch(line: Line) -> None:
    """A line that is no job is in its batch once."""
    batch = line.direct.run(line.direct.batches.open())
    line.lose("not a job")
    rejected = RejectedLine(line=1, error=JobError(code="invalid_request", message="not a job"))
    line.desk.run(line.desk.batches.reject(batch, rejected))
    progress = line.direct.run(line.direct.batches.progress(batch))
    assert (progress.total, progress.rejected) == (1, 1)
