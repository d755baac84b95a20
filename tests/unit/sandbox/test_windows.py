import pytest
from hypothesis import given
from hypothesis import strategies as st

from rerankq_sandbox.metering.bucket import TokenBucket
from rerankq_sandbox.metering.peak import Peak
from rerankq_sandbox.metering.window import SlidingWindow

STEPS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 9)), min_size=1, max_size=30)


@given(STEPS, st.integers(1, 10))
def test_the_total_counts_only_what_is_in_the_window(
    steps: list[tuple[int, int]], seconds: int
) -> None:
    """The total is the sum of the amounts that are younger than the window."""
    window, now, added = SlidingWindow(seconds), 0.0, list[tuple[float, int]]()
    for step, amount in steps:
        now += step
        window.add(now, amount)
        added.append((now, amount))
        assert window.total(now) == sum(each for at, each in added if at > now - seconds)


@given(STEPS, st.integers(0, 40))
def test_wait_ends_when_enough_has_gone(steps: list[tuple[int, int]], most: int) -> None:
    """After the wait the total is within the bound, and just before it is not."""
    window, now = SlidingWindow(10), 0.0
    for step, amount in steps:
        now += step
        window.add(now, amount)
    wait = window.wait(now, most)
    if wait > 0:
        assert window.total(now + wait - 0.5) > most
    assert window.total(now + wait) <= most


def test_a_window_drops_what_is_past() -> None:
    """Adding drops amounts that have left the window, even if the total is never read."""
    window = SlidingWindow(10)
    for now in range(1000):
        window.add(now, 1)
    assert len(window) == 10


def test_what_never_fits_waits_for_a_whole_window() -> None:
    """A bound below 0 is never met: the wait is the window's length."""
    assert SlidingWindow(10).wait(0.0, -1) == 10


def test_void_takes_a_charge_back_once() -> None:
    """A void charge is subtracted once, also if it leaves the window later or had left before."""
    window = SlidingWindow(10)
    first, second = window.add(0, 3), window.add(1, 4)
    window.void(second)
    assert window.total(1) == 3
    assert window.total(10.5) == 0
    window.void(first)
    assert window.total(10.5) == 0


def test_empties_when_the_last_has_gone() -> None:
    """`empties` is the time until nothing counts any more."""
    window = SlidingWindow(10)
    assert window.empties(0) == 0
    window.add(0, 1)
    window.add(4, 1)
    assert window.empties(5) == 9


def test_bucket_gives_a_burst_and_then_its_rate() -> None:
    """A bucket starts full, holds no more than its burst, and regains its rate."""
    bucket = TokenBucket(per_second=2, burst=3)
    for _ in range(3):
        assert bucket.wait(0) == 0
        bucket.take(0)
    assert bucket.wait(0) == pytest.approx(0.5)
    assert bucket.wait(0.5) == 0
    assert bucket.level(100) == 3


def test_bucket_changes_at_once() -> None:
    """Another rate holds from the moment of the change, not before."""
    bucket = TokenBucket(per_second=1, burst=4)
    for _ in range(4):
        bucket.take(0)
    bucket.change(1, per_second=10, burst=2)
    assert bucket.level(1.05) == pytest.approx(1.5)
    assert bucket.level(9) == 2


def test_peak_is_the_fullest_window_of_all() -> None:
    """The peak is the fullest window that any arrival ended, and how far it was over its limit."""
    peak = Peak(10)
    for now, limit in [(0, 2), (1, 2), (2, 2), (30, 2), (31, None)]:
        peak.count(now, tokens=5, limit=limit)
    assert peak.report(31) == {
        "seconds": 10,
        "calls": 2,
        "peak_calls": 3,
        "peak_tokens": 15,
        "limit": None,
        "peak_over": 1,
    }
