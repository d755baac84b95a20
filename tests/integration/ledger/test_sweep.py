"""The reconciler's tick: lost and due jobs are queued again, and no others."""

from collections.abc import Callable
from functools import partial

import pytest

from rerankq import events
from rerankq.contract import JobState, Lane
from rerankq.errors import JobFailed, LedgerUnavailable
from rerankq.events import JobRef
from rerankq.ledger import sweep
from rerankq.ledger.leases import MOST_DEATHS, Lease
from running.heard import heard
from running.ledger_desk import LONG, LedgerDesk, claims_of, ids, job
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
    assert (lease.attempts, claims_of(lease)) == (2, 2)


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
    desk.end_lease_grace()
    assert desk.sweep() == ["a"]
    assert desk.places("a") == ["bulk:queued"]
    assert desk.places("kept") == ["bulk:running"]


def test_gap_in_sweeping_spares_running_jobs(desk: LedgerDesk) -> None:
    """After a gap in which nobody could renew, expired leases get one more lease of time."""
    desk.claimed("a", lease_seconds=0.05)
    desk.let_run_out("a")
    assert desk.sweep(lease_seconds=60) == []
    assert desk.sweep(lease_seconds=60) == []
    assert desk.places("a") == ["bulk:running"]
    desk.end_lease_grace()
    assert desk.sweep(lease_seconds=60) == ["a"]


def test_lease_grace_ends_by_itself(desk: LedgerDesk) -> None:
    """The grace after a gap is a lease long: then the silent worker's job is queued again."""
    desk.claimed("a", lease_seconds=0.05)
    desk.let_run_out("a")
    assert desk.sweep(lease_seconds=0.2) == []
    assert eventually(lambda: desk.sweep(lease_seconds=0.2), "queued again") == ["a"]


def test_renewal_in_the_lease_grace_keeps_the_job(desk: LedgerDesk) -> None:
    """A worker that comes back within the grace keeps its job."""
    lease = desk.claimed("a", lease_seconds=0.05)
    desk.let_run_out("a")
    desk.sweep(lease_seconds=60)
    assert desk.renew(lease) == set()
    desk.end_lease_grace()
    assert desk.sweep() == []
    assert desk.succeed(lease)


def lose_lease(desk: LedgerDesk, job_id: str, worker: str) -> list[str]:
    """Let a worker fall silent with the job; returns what the next tick announces."""
    assert ids(desk.claim(job_id, lease_seconds=0.02, worker=worker)) == [job_id]
    desk.let_run_out(job_id)
    desk.end_lease_grace()
    return desk.sweep()


def die(desk: LedgerDesk, *workers: str) -> None:
    """Let these workers be silent for so long that they count as dead."""
    for each in workers:
        desk.silence(each, 10 * LONG)


def end_rest(desk: LedgerDesk, job_id: str) -> None:
    """Let a job's rest end."""
    assert desk.redis.zadd("rerankq:bulk:scheduled", {job_id: 1}, xx=True, ch=True)


def crash_twice(desk: LedgerDesk, job_id: str) -> None:
    """Make a job a crash suspect: two workers died with it, so it may only be claimed alone."""
    assert lose_lease(desk, job_id, "first") == [job_id]
    assert lose_lease(desk, job_id, "second") == []
    die(desk, "first", "second")
    end_rest(desk, job_id)
    assert desk.sweep() == [job_id]


def test_a_suspect_rests_before_it_is_served_again(desk: LedgerDesk) -> None:
    """Workers that are killed one by one fail no job: a job that two of them held rests a while."""
    desk.submit(job("a"))
    assert lose_lease(desk, "a", "first") == ["a"]
    assert lose_lease(desk, "a", "second") == []
    assert desk.state("a") == "scheduled"
    due = desk.score("a", "scheduled") or 0
    assert 0 < due - desk.now_ms() - 4 * 1000 * LONG <= 1000 * LONG
    assert desk.claim("a") == []


def test_a_suspect_is_only_claimed_alone(desk: LedgerDesk) -> None:
    """A job that two workers in a row died with is not given to a worker that has other jobs."""
    desk.submit(job("suspect"), job("innocent"))
    crash_twice(desk, "suspect")
    claim = desk.run(desk.leases().claim(["suspect", "innocent"]))
    assert ids(claim.leases) == ["innocent"]
    assert claim.crash_suspects == ["suspect"]
    assert desk.status("suspect").state == "queued"
    assert ids(desk.claim("suspect")) == ["suspect"]


def test_job_that_ends_its_workers_is_failed(desk: LedgerDesk) -> None:
    """A job that three workers in a row died with fails, once it is known that the last is dead."""
    told = heard(desk.events)
    desk.submit(job("a"))
    crash_twice(desk, "a")
    assert lose_lease(desk, "a", "third") == []
    assert desk.state("a") == "scheduled"
    die(desk, "third")
    end_rest(desk, "a")
    assert desk.sweep() == []
    end = desk.end("a")
    assert isinstance(end, JobFailed)
    assert end.reason == "crash_loop"
    assert desk.places("a") == []
    about = JobRef("a", Lane.BULK)
    assert told == [events.JobFailed(job=about, attempts=0, reason="crash_loop", status=None)]


@pytest.mark.parametrize("sign", ["renewal", "claim", "sweep"])
def test_a_worker_that_is_heard_of_again_was_not_dead(desk: LedgerDesk, sign: str) -> None:
    """Workers that only paused do not make a job a crash loop, however often its leases expire."""
    desk.submit(job("a"), *(job(f"other-{number}") for number in range(MOST_DEATHS + 2)))
    for number in range(MOST_DEATHS + 2):
        worker = f"worker-{number}"
        assert lose_lease(desk, "a", worker) == ["a"], "neither rests nor fails"
        desk.silence(worker, 10 * LONG)
        if sign == "renewal":
            desk.run(desk.leases(worker).renew([]))
        elif sign == "claim":
            assert desk.claim(f"other-{number}", worker=worker)
        else:
            sweep_as(desk, worker)
    assert ids(desk.run(desk.leases().claim(["a"])).leases) == ["a"]


def test_three_silent_workers_are_waited_for(desk: LedgerDesk) -> None:
    """If three workers fall silent with a job, it rests, and goes on when one of them is back."""
    desk.submit(job("a"))
    lose_lease(desk, "a", "first")
    lose_lease(desk, "a", "second")
    end_rest(desk, "a")
    assert desk.sweep() == ["a"]
    assert lose_lease(desk, "a", "third") == []
    die(desk, "first", "second")
    end_rest(desk, "a")
    assert desk.sweep() == []
    assert desk.state("a") == "scheduled"
    sweep_as(desk, "second")
    end_rest(desk, "a")
    assert desk.sweep() == ["a"]


def test_a_worker_that_took_its_job_back_counts_once(desk: LedgerDesk) -> None:
    """One worker that loses a lease, comes back and then dies is one death, not several."""
    desk.submit(job("a"))
    (lease,) = desk.claim("a", worker="only")
    for _ in range(MOST_DEATHS):
        assert desk.run(desk.leases("only").renew([lease])) == set()
        desk.redis.zadd("rerankq:bulk:running", {"a": 1}, xx=True)
        # The times do not tell that it was back in between, as after Redis' clock was set back.
        desk.redis.zrem("rerankq:workers", "only")
        desk.end_lease_grace()
        assert desk.sweep() == ["a"]


def test_no_worker_counts_as_dead_in_the_lease_grace(desk: LedgerDesk) -> None:
    """If Redis was stopped, no worker counts as dead because of that, and no job fails."""
    desk.submit(job("a"))
    crash_twice(desk, "a")
    lose_lease(desk, "a", "third")
    die(desk, "third")
    end_rest(desk, "a")
    desk.redis.hset("rerankq:sweeper", mapping={"last": 1})
    assert desk.sweep() == []
    assert desk.state("a") == "scheduled"


def test_a_postponed_job_starts_again(desk: LedgerDesk) -> None:
    """After a worker has given a job back, workers that died with it before do not count."""
    desk.submit(job("a"))
    crash_twice(desk, "a")
    (lease,) = desk.claim("a", worker="third")
    desk.postpone(lease, 0)
    assert desk.sweep() == ["a"]
    assert lose_lease(desk, "a", "fourth") == ["a"]


def sweep_as(desk: LedgerDesk, worker: str) -> None:
    """Tick as a worker when another has just swept: the tick still shows that it is alive."""
    desk.redis.set("rerankq:sweeping", "1", px=10_000)
    tick = sweep.Sweep(desk.store, desk.retention, lease_seconds=60, worker=worker).tick()
    assert desk.run(tick) == {}


# An expired lease, and a holder that comes back.


@pytest.mark.parametrize("state", ["queued", "scheduled"])
def test_a_holder_that_comes_back_in_time_goes_on(desk: LedgerDesk, state: str) -> None:
    """A job whose lease expired still belongs to its holder until another worker claims it."""
    lease = lapsed(desk, state)
    assert desk.renew(lease) == set()
    assert desk.places("a") == ["bulk:running"]
    assert desk.claim("a", worker="another") == []
    assert desk.succeed(lease)


@pytest.mark.parametrize("state", ["queued", "scheduled"])
@pytest.mark.parametrize("written", ["succeed", "fail", "postpone"])
def test_the_result_of_a_late_holder_counts(desk: LedgerDesk, state: str, written: str) -> None:
    """A result under an expired lease is accepted while no other worker has the job."""
    lease = lapsed(desk, state)
    calls: dict[str, Callable[[Lease], bool]] = {
        "succeed": desk.succeed,
        "fail": desk.fail,
        "postpone": partial(desk.postpone, seconds=60),
    }
    assert calls[written](lease)
    assert desk.places("a") == (["bulk:scheduled"] if written == "postpone" else [])
    assert desk.claim("a", worker="another") == []
    # But not a second time.
    assert not desk.succeed(lease)


def lapsed(desk: LedgerDesk, state: str) -> Lease:
    """An expired lease, whose job is queued again or rests."""
    desk.submit(job("a"))
    if state == "scheduled":
        lose_lease(desk, "a", "first")
    (lease,) = desk.claim("a", lease_seconds=0.02, worker="w")
    desk.let_run_out("a")
    desk.end_lease_grace()
    desk.sweep()
    assert desk.places("a") == [f"bulk:{state}"]
    return lease


def test_only_one_sweeps_in_an_interval(desk: LedgerDesk) -> None:
    """When many workers tick together, one does the work."""
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
    """If the Celery queue is empty for a while, jobs queued before that are announced again."""
    desk.submit(job("a"))
    assert desk.sweep() == []
    desk.submit(job("b"))
    assert eventually(desk.sweep, "announced again") == ["a"]
    desk.redis.lpush(Lane.BULK.redelivery_queue, "a hint for a")
    assert eventually(desk.sweep, "announced again") == ["b"]


@pytest.mark.usefixtures("_short_grace")
def test_jobs_announced_again_have_a_queue_of_their_own(desk: LedgerDesk) -> None:
    """A due job whose hint waits is announced only once, however quickly new jobs are served."""
    due(desk, "late", "later")
    assert desk.sweep() == ["late", "later"]
    desk.redis.lpush(Lane.BULK.redelivery_queue, "a hint for both")
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
    """A due job whose hint is lost is announced once more, whatever else is in the queue."""
    due(desk, "old", "new")
    assert desk.sweep() == ["old", "new"]
    desk.submit(job("in-line"))
    desk.redis.lpush(Lane.BULK.queue, "a hint for what is in line")
    if found_by == "a newer one":
        desk.redis.lpush(Lane.BULK.redelivery_queue, "a hint")
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
    """An empty queue counts only if it stays empty: a hint in it restarts the time."""
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


@pytest.mark.parametrize(
    "key",
    [
        *("rerankq:deadlines", "rerankq:dead", "rerankq:workers", "rerankq:sweeper"),
        *("rerankq:circuits", "rerankq:accounts", "rerankq:bulk", "rerankq:bulk:again"),
        *("rerankq:interactive:queued", Lane.BULK.queue, Lane.BULK.redelivery_queue),
    ],
)
def test_a_key_of_another_type_stops_no_sweep(desk: LedgerDesk, key: str) -> None:
    """A shared key that holds another type is put aside, and that is reported."""
    desk.postpone(desk.claimed("a"), 0)
    desk.redis.delete(key)
    desk.redis.set(key, "of another type")
    told = heard(desk.events)
    assert desk.sweep() == ["a"]
    assert told == [events.KeyPutAside(key=key)]
    assert desk.redis.get(f"{key}:put-aside") == b"of another type"
    assert desk.claim("a")
    assert desk.sweep() == []
    assert len(told) == 1


@pytest.mark.parametrize("is_new", [False, True], ids=["known", "new"])
@pytest.mark.parametrize("suffix", ["", ":workers", ":workers:bulk", ":slots", ":answers"])
def test_a_key_of_another_type_takes_an_account_out_of_use_for_one_sweep(
    desk: LedgerDesk, suffix: str, *, is_new: bool
) -> None:
    """A key of an account that holds another type is put aside, and permits are given again.

    Also when it lay there before any worker used the account.
    """
    if not is_new:
        desk.exchange("one", want=1, ok=1)
    key = f"rerankq:account:a{suffix}"
    desk.redis.delete(key)
    desk.redis.set(key, "of another type")
    with pytest.raises(LedgerUnavailable):
        desk.exchange("one", want=1)
    told = heard(desk.events)
    desk.sweep()
    assert told == [events.KeyPutAside(key=key)]
    assert desk.exchange("one", want=1).mode == "open"
