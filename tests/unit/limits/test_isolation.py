"""What a worker must meet before it counts as cut off."""

from random import Random

import pytest

from rerankq_worker.limits.isolation import Isolation
from running.fake_limits import Clock

CALL_SECONDS = 5.0


class Story:
    """A series of calls that a worker makes."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.isolation = Isolation(self.clock.monotonic)

    def let_pass(self, seconds: float) -> None:
        """Let time pass."""
        self.clock.now += seconds

    def fails(self, job: int, *, after: float = 0.2, cause: str = "502, page") -> None:
        """A call of a job fails at once; the next begins later."""
        self.isolation.failed(str(job), cause, began=self.clock.now)
        self.let_pass(after)

    def times_out(self, *jobs: int, answered: bool = False) -> None:
        """Calls that begin together time out."""
        began = self.clock.now
        self.let_pass(CALL_SECONDS / 2)
        if answered:
            self.isolation.answered()
        self.let_pass(CALL_SECONDS / 2)
        for job in jobs:
            self.isolation.failed(str(job), "answer_timeout", began=began, silent=True)

    def hears(self, *, alone: bool = True, doubted: bool = True) -> str:
        """An exchange with Redis; returns why the worker is cut off."""
        self.isolation.report()
        self.isolation.told(alone=alone, doubted=doubted)
        return self.isolation.cause


@pytest.fixture
def story() -> Story:
    return Story()


@pytest.fixture
def cut_off(story: Story) -> Story:
    for job in range(8):
        story.fails(job)
    assert story.hears() == "502, page"
    return story


@pytest.mark.parametrize(
    ("jobs", "after", "alone"),
    [
        (range(7), 0.2, True),
        (range(8), 0.1, True),
        ([1, 2] * 10, 0.2, True),
        (range(100), 0.2, False),
    ],
    ids=["few jobs", "a short while", "the same jobs", "others fail too"],
)
def test_a_worker_is_not_cut_off_too_soon(
    jobs: range | list[int], after: float, *, alone: bool, story: Story
) -> None:
    """At least eight jobs in a row must fail, over a second, while other workers are answered."""
    for job in jobs:
        story.fails(job, after=after)
    assert story.hears(alone=alone) == ""


def test_an_answer_resets_the_count(story: Story) -> None:
    """A worker that is answered now and then is not cut off, however many calls fail."""
    for job in range(7):
        story.fails(job)
    story.isolation.answered()
    for job in range(7):
        story.fails(job)
    assert story.hears() == ""


@pytest.mark.parametrize("share", [0.2, 0.3])
@pytest.mark.parametrize("calls_a_second", [5, 50])
def test_faults_of_the_upstream_cut_off_no_worker(
    share: float, calls_a_second: int, story: Story
) -> None:
    """If two or three calls of ten fail at all workers, no worker counts as cut off."""
    chance = Random(7)  # noqa: S311  the test must be repeatable
    for job in range(10_000):
        if chance.random() < share:
            story.fails(job, after=1 / calls_a_second)
        else:
            story.isolation.answered()
            story.let_pass(1 / calls_a_second)
        assert story.hears() == ""


def test_silence_is_a_stronger_sign(story: Story) -> None:
    """Three calls that time out, with no call answered meanwhile, are proof."""
    story.times_out(1, 2, 3)
    assert story.isolation.holds
    assert story.hears() == "answer_timeout"


def test_two_silent_calls_after_each_other_are_proof(story: Story) -> None:
    """With few calls at once two time-outs are enough: a third would cost as much time again."""
    story.times_out(1)
    assert story.hears() == ""
    story.times_out(2)
    assert story.hears() == "answer_timeout"


def test_a_time_out_among_answers_is_a_failure_like_any(story: Story) -> None:
    """If another call was answered meanwhile, a time-out holds no calls back and proves little."""
    story.times_out(1, 2, 3, answered=True)
    assert not story.isolation.holds
    assert story.hears() == ""


def test_failures_of_all_workers_are_forgotten(story: Story) -> None:
    """Failures that other workers met too do not count against this worker later."""
    for job in range(20):
        story.fails(job)
    story.hears(alone=False, doubted=False)
    assert story.hears() == ""


def test_first_failures_cost_no_attempt(story: Story) -> None:
    """A job pays for its second failure here, or if other workers are not answered either."""
    story.hears(alone=False)
    assert story.isolation.is_free("1")
    story.fails(1)
    assert story.isolation.is_free("1")
    story.isolation.answered()
    assert not story.isolation.is_free("2")
    story.fails(2)
    assert not story.isolation.is_free("2")
    assert not story.isolation.is_free("3", silent=True)
    assert story.isolation.is_free("3")
    story.hears(alone=False, doubted=False)
    story.fails(3)
    assert not story.isolation.is_free("4")


def test_trials_come_one_by_one(cut_off: Story) -> None:
    """A worker that is cut off makes one call in two seconds, until one is answered."""
    isolation = cut_off.isolation
    assert (isolation.holds, isolation.offer_trial()) == (True, False)
    cut_off.let_pass(2)
    assert (isolation.offer_trial(), isolation.holds) == (True, False)
    isolation.begin_trial()
    assert (isolation.offer_trial(), isolation.holds) == (False, True)
    isolation.trial_failed(silent=False)
    cut_off.let_pass(2)
    assert isolation.offer_trial()
    isolation.begin_trial()
    isolation.answered()
    assert (isolation.cause, isolation.holds) == ("", False)


def test_a_silent_trial_gives_the_next_one_longer(cut_off: Story) -> None:
    """After a trial that timed out the next may take longer, so that a slow upstream is found."""
    lengths = []
    for _ in range(8):
        lengths.append(cut_off.isolation.trial_seconds)
        cut_off.isolation.begin_trial()
        cut_off.let_pass(lengths[-1])
        cut_off.isolation.trial_failed(silent=True)
        assert not cut_off.isolation.offer_trial()
        cut_off.let_pass(lengths[-1])
        assert cut_off.isolation.offer_trial()
    assert lengths == [2, 4, 8, 16, 32, 64, 64, 64]


def test_trials_leave_a_scarce_slot_to_others(cut_off: Story) -> None:
    """If each worker has one call at once, trials take a tenth of the time at most.

    No trial takes much longer than the answers to other workers.
    """
    isolation = cut_off.isolation
    isolation.told(alone=True, doubted=True, took_seconds=0.1, is_crowded=True)
    for _ in range(3):
        assert isolation.trial_seconds == 2
        isolation.begin_trial()
        cut_off.let_pass(2)
        isolation.trial_failed(silent=True)
        cut_off.let_pass(17)
        assert not isolation.offer_trial()
        cut_off.let_pass(1)
        assert isolation.offer_trial()


def test_a_real_outage_ends_it(cut_off: Story) -> None:
    """If other workers are not answered either, the upstream is out: none is cut off."""
    cut_off.hears(alone=False)
    assert (cut_off.isolation.cause, cut_off.isolation.holds) == ("", False)
