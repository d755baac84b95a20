"""How a worker uses a key that was refused to it, until it knows who is at fault."""

import pytest

from rerankq.accounts.accounts import Blame
from rerankq_worker.limits.suspicions import KEPT_SECONDS, PACE_SECONDS, Suspicions
from running.fake_limits import Clock, allotment, permits

KEY = "key"


class Story:
    """A key that is refused to a worker."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.suspicions = Suspicions(self.clock.monotonic)

    def refuse(self, *jobs: str) -> bool:
        """Refuse the calls of these jobs; returns whether they are too many to be at fault."""
        now = self.clock.now
        return [self.suspicions.refused(KEY, each, began=now, in_flight=1) for each in jobs].pop()


@pytest.fixture
def held() -> Story:
    story = Story()
    assert story.refuse("one", "other", "third")
    story.suspicions.hold(KEY)
    return story


def test_a_key_that_ranks_while_its_breaker_opens_is_well(held: Story) -> None:
    """A ranking that comes while the breaker is opened in Redis ends the suspicion."""
    held.suspicions.ranked(KEY)
    held.suspicions.breaker_opened(KEY)
    assert not held.suspicions.is_suspected(KEY)


def test_single_calls_go_by_a_suspected_key(held: Story) -> None:
    """Two calls a second go by a suspected key, to find out whether it is still refused."""
    begun = 0
    for _ in range(100):
        held.clock.now += 0.1
        if not held.suspicions.holds(KEY):
            held.suspicions.call_begins(KEY)
            begun += 1
    assert begun == pytest.approx(10 / PACE_SECONDS, abs=2)


def test_a_row_of_failures_is_reported_until_it_ends(held: Story) -> None:
    """Its time begins with its first call; a ranking ends it, and so does a time without calls."""
    held.clock.now += 1
    assert held.suspicions.report() == {KEY: 1000}
    held.clock.now += KEPT_SECONDS + 1
    assert (held.suspicions.report(), held.suspicions.pending) == ({}, False)
    held.refuse("one")
    held.suspicions.hold(KEY)
    held.suspicions.ranked(KEY)
    assert (held.suspicions.report(), held.suspicions.is_suspected(KEY)) == ({}, False)


@pytest.mark.parametrize(
    ("others", "verdicts", "blames"),
    [(0, {}, True), (1, {}, False), (1, {KEY: Blame.KEY}, True), (1, {KEY: Blame.WORKER}, False)],
)
def test_a_key_is_blamed_when_others_were_asked(
    held: Story, others: int, verdicts: dict[str, Blame], *, blames: bool
) -> None:
    """With several workers, a refusal is the key's fault only once Redis says so."""
    held.suspicions.told(verdicts, others=others)
    assert held.suspicions.blames_key(KEY) is blames


@pytest.mark.parametrize("other_key", [False, True])
def test_a_worker_at_fault_is_cut_off_where_no_other_key_serves_it(*, other_key: bool) -> None:
    """It takes no more jobs for the account, unless another key of the account serves it."""
    held = permits(given=allotment(permits=9, others=1))
    suspicions = held.suspicions
    for job in ("one", "other", "third"):
        suspicions.refused(KEY, job, began=held.isolation.now(), in_flight=1)
    suspicions.hold(KEY)
    if other_key:
        held.isolation.answered()
    held.receive(allotment(permits=9, others=1, verdicts={KEY: Blame.WORKER}))
    assert held.cut_off == ("" if other_key else "key_refused")
    assert suspicions.is_suspected(KEY) is other_key
