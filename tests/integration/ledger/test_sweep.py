"""The reconciler's tick: what fell on the floor is queued again, and nothing else."""

from functools import partial

import pytest

from rerankq.contract import JobState, Lane
from rerankq.errors import JobFailed
from rerankq.ledger import sweep
from rerankq.ledger.leases import MOST_LOST_LEASES, SUSPECT_LOST_LEASES
from running.ledger_desk import LONG, LedgerDesk, ids, job
from running.waiting import eventually

GRACE = 0.1


@pytest.fixture
def _short_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep, "LOST_HINT_SECONDS", GRACE)
    monkeypatch.setattr(sweep, "LOST_AGAIN_SECONDS", GRACE)


def test_postponed_job_comes_back_when_due(desk: LedgerDesk) -> None:
    """A postponed job is scheduled with its attempts, and queued again once it is due."""
    desk.postpone(desk.claimed("a"), 60, attempts=2)
    status = desk.status("a")
    assert (status.state, status.attempts) == (JobState.SCHEDULED, 2)
    assert status.next_attempt_at is not None
    assert desk.sweep() == []
    desk.redis.zadd("rerankq:bulk:scheduled", {"a": desk.now_ms()})
    assert desk.sweep() == ["a"]
    (lease,) = desk.claim("a")
    assert (lease.attempts, lease.token) == (2, 2)


def test_job_handed_back_comes_back_at_once(desk: LedgerDesk) -> None:
    """A job given back without delay is queued by the next tick, in its own lane."""
    desk.postpone(desk.claimed("a", lane="interactive"), 0, attempts=0)
    assert desk.sweep() == ["a"]
    assert desk.places("a") == ["interactive:queued"]


def test_expired_lease_is_queued_again(desk: LedgerDesk) -> None:
    """A job whose worker fell silent is queued again after its lease, and not before."""
    desk.claimed("a", lease_seconds=0.05)
    desk.claimed("kept")
    desk.let_run_out("a")
    desk.end_amnesty()
    assert desk.sweep() == ["a"]
    assert desk.places("a") == ["bulk:queued"]
    assert desk.places("kept") == ["bulk:running"]


def test_gap_in_sweeping_spares_running_jobs(desk: LedgerDesk) -> None:
    """After a gap in which nobody could renew, leases that ran out get one lease more."""
    desk.claimed("a", lease_seconds=0.05)
    desk.let_run_out("a")
    assert desk.sweep(lease_seconds=60) == []
    assert desk.sweep(lease_seconds=60) == []
    assert desk.places("a") == ["bulk:running"]
    desk.end_amnesty()
    assert desk.sweep(lease_seconds=60) == ["a"]


def test_amnesty_ends_by_itself(desk: LedgerDesk) -> None:
    """The grace after a gap is a lease long: then the silent worker's job is queued again."""
    desk.claimed("a", lease_seconds=0.05)
    desk.let_run_out("a")
    assert desk.sweep(lease_seconds=0.2) == []
    assert eventually(lambda: desk.sweep(lease_seconds=0.2), "queued again") == ["a"]


def test_renewal_in_the_amnesty_keeps_the_job(desk: LedgerDesk) -> None:
    """A worker that comes back within the grace keeps its job."""
    lease = desk.claimed("a", lease_seconds=0.05)
    desk.let_run_out("a")
    desk.sweep(lease_seconds=60)
    assert desk.renew(lease) == set()
    desk.end_amnesty()
    assert desk.sweep() == []
    assert desk.succeed(lease)


def lose_lease(desk: LedgerDesk, job_id: str) -> list[str]:
    """As if the job's worker had ended; returns what the next tick announces."""
    assert ids(desk.claim(job_id, lease_seconds=0.02)) == [job_id]
    desk.let_run_out(job_id)
    desk.end_amnesty()
    return desk.sweep()


def end_rest(desk: LedgerDesk, job_id: str) -> None:
    """As if all of a suspect's rest were over."""
    assert desk.redis.zadd("rerankq:bulk:scheduled", {job_id: 1}, xx=True, ch=True)


def test_a_suspect_rests_before_it_is_served_again(desk: LedgerDesk) -> None:
    """Workers that are killed one by one end no job: what two of them had in hand waits a while."""
    desk.submit(job("a"))
    assert lose_lease(desk, "a") == ["a"]
    assert lose_lease(desk, "a") == []
    assert desk.state("a") == "scheduled"
    due = desk.score("a", "scheduled") or 0
    assert 0 < due - desk.now_ms() - 4 * 1000 * LONG <= 1000 * LONG
    assert desk.claim("a") == []


def test_a_suspect_is_only_claimed_alone(desk: LedgerDesk) -> None:
    """A job that lost two leases in a row is kept from a worker that has other jobs in hand."""
    desk.submit(job("suspect"), job("innocent"))
    for _ in range(SUSPECT_LOST_LEASES):
        lose_lease(desk, "suspect")
    end_rest(desk, "suspect")
    assert desk.sweep() == ["suspect"]
    claim = desk.run(desk.leases().claim(["suspect", "innocent"]))
    assert ids(claim.leases) == ["innocent"]
    assert claim.suspects == ["suspect"]
    assert desk.status("suspect").state == "queued"
    assert ids(desk.claim("suspect")) == ["suspect"]


def test_job_that_ends_its_workers_is_failed(desk: LedgerDesk) -> None:
    """After three claims that all ran out the job fails, and goes round no more."""
    desk.submit(job("a"))
    for _ in range(MOST_LOST_LEASES - 1):
        lose_lease(desk, "a")
    end_rest(desk, "a")
    assert desk.sweep() == ["a"]
    assert lose_lease(desk, "a") == []
    end = desk.end("a")
    assert isinstance(end, JobFailed)
    assert end.reason == "crash_loop"
    assert desk.places("a") == []


def test_only_one_sweeps_in_an_interval(desk: LedgerDesk) -> None:
    """Of many workers that tick together one does the work."""
    desk.postpone(desk.claimed("a"), 0)
    one = sweep.Sweep(desk.store, desk.retention, lease_seconds=60)
    two = sweep.Sweep(desk.store, desk.retention, lease_seconds=60)
    assert desk.run(one.tick()) == {Lane.BULK: ["a"]}
    desk.postpone(desk.claim("a")[0], 0)
    assert desk.run(two.tick()) == {}


@pytest.mark.usefixtures("_short_grace")
def test_hint_is_lost_when_a_newer_job_was_claimed(desk: LedgerDesk) -> None:
    """A queued job is announced again when a newer one of its lane has been claimed for a while."""
    desk.submit(job("old"), job("new"), job("newest"))
    desk.redis.lpush(Lane.BULK.queue, "a hint for newest")
    desk.claim("new")
    assert desk.sweep() == []
    assert eventually(desk.sweep, "announced again") == ["old"]
    assert desk.places("old") == ["bulk:queued"]


@pytest.mark.usefixtures("_short_grace")
def test_deep_backlog_is_not_announced_again(desk: LedgerDesk) -> None:
    """While nothing newer is claimed and hints lie in the queue, nothing is announced again."""
    desk.submit(job("first"), job("second"), job("third"))
    desk.redis.lpush(Lane.BULK.queue, "hints for second and third")
    desk.claim("first")
    marks = set()

    def three_graces_pass() -> bool:
        assert desk.sweep() == []
        marks.add(desk.redis.hget("rerankq:bulk", "mark_at"))
        return len(marks) > 3

    eventually(three_graces_pass, "the watermark moved three times")


@pytest.mark.usefixtures("_short_grace")
def test_empty_queue_means_lost_hints(desk: LedgerDesk) -> None:
    """When the Celery queue is empty for a while, what was queued by then is announced again."""
    desk.submit(job("a"))
    assert desk.sweep() == []
    desk.submit(job("b"))
    assert eventually(desk.sweep, "announced again") == ["a"]
    desk.redis.lpush(Lane.BULK.again_queue, "a hint for a")
    assert eventually(desk.sweep, "announced again") == ["b"]


@pytest.mark.usefixtures("_short_grace")
def test_what_was_announced_again_waits_in_a_line_of_its_own(desk: LedgerDesk) -> None:
    """However quickly fresh jobs are served, a due job whose hint waits is announced once."""
    due(desk, "late", "later")
    assert desk.sweep() == ["late", "later"]
    desk.redis.lpush(Lane.BULK.again_queue, "a hint for both")
    desk.redis.lpush(Lane.BULK.queue, "hints for fresh ones")
    marks: set[object] = set()

    def graces_pass_while_fresh_ones_are_served() -> bool:
        fresh = f"fresh-{len(marks)}"
        if desk.redis.exists(f"rerankq:job:{fresh}") == 0:
            desk.claimed(fresh)
        assert desk.sweep() == []
        marks.add(desk.redis.hget("rerankq:bulk", "mark_at"))
        return len(marks) > 3

    eventually(graces_pass_while_fresh_ones_are_served, "the watermark moved three times")


@pytest.mark.usefixtures("_short_grace")
@pytest.mark.parametrize("found_by", ["a newer one", "an empty queue"])
def test_a_backlog_does_not_hide_a_lost_hint_behind_it(desk: LedgerDesk, found_by: str) -> None:
    """What is due is announced once more when its hint is lost, whatever else waits in line."""
    due(desk, "old", "new")
    assert desk.sweep() == ["old", "new"]
    desk.submit(job("in-line"))
    desk.redis.lpush(Lane.BULK.queue, "a hint for what is in line")
    if found_by == "a newer one":
        desk.redis.lpush(Lane.BULK.again_queue, "a hint")
    desk.claim("new")
    assert eventually(desk.sweep, "announced again") == ["old"]


def due(desk: LedgerDesk, *job_ids: str) -> None:
    """Jobs that were postponed, one after the other, and whose time has come."""
    for each in job_ids:
        desk.postpone(desk.claimed(each), 0)
        eventually(partial(is_due, desk, each), "it is due, and the next later")


def is_due(desk: LedgerDesk, job_id: str) -> bool:
    """Whether the time of a postponed job has passed."""
    return desk.now_ms() > (desk.score(job_id, "scheduled") or 0)


def test_queue_that_was_empty_for_a_moment_lost_nothing(desk: LedgerDesk) -> None:
    """An empty queue counts only when it stays empty: a hint in it starts the time anew."""
    desk.submit(job("a"))
    assert desk.sweep() == []
    assert desk.sweep() == []
    assert desk.redis.hexists("rerankq:bulk", "idle_at")
    desk.redis.lpush(Lane.BULK.queue, "a hint")
    assert desk.sweep() == []
    assert not desk.redis.hexists("rerankq:bulk", "idle_at")


@pytest.mark.usefixtures("_short_grace")
def test_lanes_lose_hints_apart(desk: LedgerDesk) -> None:
    """A claim in one lane says nothing about the hints of another."""
    desk.submit(job("a", lane="interactive"), job("b"), job("c"))
    desk.redis.lpush(Lane.INTERACTIVE.queue, "a hint")
    desk.redis.lpush(Lane.BULK.queue, "a hint")
    desk.claim("c")
    assert eventually(desk.sweep, "announced again") == ["b"]
    assert desk.redis.hget("rerankq:interactive", "claimed") is None
