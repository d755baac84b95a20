"""If Redis' clock is set back, nothing waits until the clock has caught up."""

import pytest

from rerankq.contract import Lane
from rerankq.ledger import sweep
from running.ledger_desk import LedgerDesk, job
from running.waiting import eventually

HOUR = 3600_000


@pytest.fixture
def _short_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep, "LOST_HINT_SECONDS", 0.1)
    monkeypatch.setattr(sweep, "LOST_AGAIN_SECONDS", 0.1)


def set_back(desk: LedgerDesk) -> None:
    """Set all times of the reconciler as if Redis' clock had been an hour ahead until now."""
    ahead = desk.now_ms() + HOUR
    desk.redis.hset("rerankq:sweeper", mapping={"last": ahead, "lease_grace": ahead + 60_000})


def test_a_turn_from_before_the_clock_was_set_back_stops_no_sweep(desk: LedgerDesk) -> None:
    """A sweep's turn that was taken before the clock was set back stops no later sweep."""
    desk.postpone(desk.claimed("a"), 0)
    desk.redis.set("rerankq:sweeping", 1, px=HOUR)
    tick = sweep.Sweep(desk.store, desk.retention, lease_seconds=60).tick()
    assert desk.run(tick) == {Lane.BULK: ["a"]}
    assert desk.redis.pttl("rerankq:sweeping") <= 450


@pytest.mark.usefixtures("_short_grace")
def test_watermark_starts_again(desk: LedgerDesk) -> None:
    """A lost hint below a watermark in the future is found after the grace."""
    desk.submit(job("old"), job("new"), job("newest"))
    desk.redis.lpush(Lane.BULK.queue, "a hint for newest")
    desk.claim("new")
    desk.redis.hset("rerankq:bulk", mapping={"mark": 0, "mark_at": desk.now_ms() + HOUR})
    assert desk.sweep() == []
    assert eventually(desk.sweep, "announced again") == ["old"]


@pytest.mark.usefixtures("_short_grace")
def test_empty_queue_is_timed_again(desk: LedgerDesk) -> None:
    """A queue that is empty since a time in the future counts as empty since now."""
    desk.submit(job("a"))
    desk.redis.hset("rerankq:bulk", mapping={"idle_at": desk.now_ms() + HOUR, "idle_sequence": 1})
    assert desk.sweep() == []
    assert eventually(desk.sweep, "announced again") == ["a"]


def test_silent_workers_job_waits_for_one_lease(desk: LedgerDesk) -> None:
    """A lease that ends too late is shortened to a lease's length, and so is the lease grace."""
    desk.claimed("a", lease_seconds=3600)
    set_back(desk)
    assert desk.sweep(lease_seconds=0.2) == []
    assert (desk.score("a", "running") or 0) <= desk.now_ms() + 200
    assert eventually(lambda: desk.sweep(lease_seconds=0.2), "queued again") == ["a"]


def test_leases_are_shortened_a_bounded_number_a_tick(
    desk: LedgerDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tick shortens a bounded number of leases, and the next ticks the rest."""
    monkeypatch.setattr(sweep, "MOST_MOVED", 2)
    for name in "abcde":
        desk.claimed(name, lease_seconds=3600)
    set_back(desk)
    left = []
    for _ in range(4):
        desk.sweep(lease_seconds=60)
        left.append(desk.redis.zcount("rerankq:bulk:running", desk.now_ms() + 120_000, "+inf"))
    assert left == [3, 1, 0, 0]
    assert not desk.redis.hexists("rerankq:sweeper", "set_back")


def test_longer_leases_are_left_alone_otherwise(desk: LedgerDesk) -> None:
    """If the clock was not set back, longer leases of another worker are not shortened."""
    desk.claimed("a", lease_seconds=3600)
    score = desk.score("a", "running")
    desk.sweep(lease_seconds=60)
    desk.sweep(lease_seconds=60)
    assert desk.score("a", "running") == score
