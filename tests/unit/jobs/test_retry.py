"""The retry policy, one test for each rule."""

from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rerankq.ledger.failures import Past
from rerankq_worker.jobs.retry import (
    MOST_WAIT_SECONDS,
    PASSING_WAIT_SECONDS,
    GiveUp,
    RetryAfter,
    RetryPolicy,
)
from rerankq_worker.upstream.errors import (
    BadKey,
    Deferred,
    KeyRefused,
    Malformed,
    ModelUnavailable,
    OutOfCredit,
    QuotaInDoubt,
    Refused,
    Throttled,
    TooLarge,
    Transient,
    Unreachable,
    UpstreamError,
    WrongEndpoint,
)


def policy(*, seed: int = 0, **changes: float) -> RetryPolicy:
    made = RetryPolicy(chance=Random(seed))  # noqa: S311 - repeatable
    return replace(made, **changes)  # type: ignore[arg-type]  # a count is a float here


def decide(
    error: UpstreamError,
    *,
    attempts: int = 0,
    age: float = 0.0,
    seed: int = 0,
    **changes: float,
) -> RetryAfter | GiveUp:
    return policy(seed=seed, **changes).decide(error, attempts=attempts, age_seconds=age)


@given(st.integers(0, 1000), st.none() | st.floats(0, 3600), st.integers())
def test_throttling_uses_no_attempt(attempts: int, wait: float | None, seed: int) -> None:
    """Throttling uses no attempt, however often it comes."""
    decision = decide(Throttled("", retry_after=wait), attempts=attempts, seed=seed)
    assert isinstance(decision, RetryAfter)
    assert decision.attempts == attempts


@given(st.floats(0, MOST_WAIT_SECONDS), st.integers())
def test_never_before_retry_after(wait: float, seed: int) -> None:
    """A throttled job never comes back before the time asked for, nor much later."""
    decision = decide(Throttled("", retry_after=wait), seed=seed)
    assert isinstance(decision, RetryAfter)
    assert wait <= decision.seconds <= wait + max(1.0, wait / 4)


def test_throttled_jobs_do_not_come_back_together() -> None:
    """Jobs that were throttled together come back at different times."""
    one = policy()
    error = Throttled("", retry_after=2.0)
    decisions = {one.decide(error, attempts=0, age_seconds=0) for _ in range(20)}
    assert len(decisions) == 20


def test_throttling_without_a_time_still_waits() -> None:
    """A throttled job waits even if the upstream names no time."""
    decision = decide(Throttled(""))
    assert isinstance(decision, RetryAfter)
    assert decision.seconds >= 1


@given(st.integers(0, 3), st.integers())
def test_full_jitter_lies_under_the_exponential_ceiling(attempts: int, seed: int) -> None:
    """The delay is a draw from zero to base * 2 ** attempts, and the attempt is counted."""
    decision = decide(Transient(""), attempts=attempts, seed=seed, base_seconds=1.0)
    assert isinstance(decision, RetryAfter)
    assert 0 <= decision.seconds <= 2.0**attempts
    assert decision.attempts == attempts + 1


@pytest.mark.parametrize(("attempts", "ceiling"), [(0, 1.0), (2, 3.0), (7, 3.0), (8, 60.0)])
def test_backoff_stays_short_while_others_are_ranked(attempts: int, ceiling: float) -> None:
    """A site that ranks other jobs is not out; after eight attempts the job counts as the cause."""
    error = Transient("")
    error.passing = True
    one = policy(max_attempts=100)
    decisions = [one.decide(error, attempts=attempts, age_seconds=0) for _ in range(500)]
    longest = max(each.seconds for each in decisions if isinstance(each, RetryAfter))
    assert 0.9 * ceiling < longest <= ceiling


@pytest.mark.parametrize("asked", [61.0, 3600.0, 1e9])
@pytest.mark.parametrize(
    ("kind", "passing", "most"),
    [
        (Transient, False, MOST_WAIT_SECONDS),
        (Transient, True, PASSING_WAIT_SECONDS),
        (Malformed, True, PASSING_WAIT_SECONDS),
        (Throttled, False, MOST_WAIT_SECONDS),
        (QuotaInDoubt, False, MOST_WAIT_SECONDS),
        (BadKey, False, MOST_WAIT_SECONDS),
    ],
)
def test_one_job_is_not_postponed_for_hours(
    asked: float, kind: type[UpstreamError], most: float, *, passing: bool
) -> None:
    """A long wait asked of one job is cut: the account is paused if all are asked to wait."""
    error = kind("", retry_after=asked)
    error.passing = passing
    decision = decide(error)
    assert isinstance(decision, RetryAfter)
    assert most <= decision.seconds <= 1.25 * most


@given(st.floats(0, MOST_WAIT_SECONDS), st.integers(0, 3), st.integers())
def test_a_failed_job_also_waits_as_long_as_asked(wait: float, attempts: int, seed: int) -> None:
    """After a failure with a time to wait, the job waits that long; the attempt is counted."""
    decision = decide(Transient("", retry_after=wait), attempts=attempts, seed=seed)
    assert isinstance(decision, RetryAfter)
    assert decision.attempts == attempts + 1
    assert wait <= decision.seconds <= max(2.0**attempts, wait + max(1.0, wait / 4))


@pytest.mark.parametrize(("attempts", "ceiling"), [(0, 1.0), (1, 2.0), (2, 4.0), (9, 10.0)])
def test_jitter_uses_the_whole_range(attempts: int, ceiling: float) -> None:
    """The draws reach both ends of the range, whose top is capped."""
    one = policy(max_attempts=100, cap_seconds=10.0)
    delays = [
        decision.seconds
        for _ in range(500)
        if isinstance(
            decision := one.decide(Transient(""), attempts=attempts, age_seconds=0), RetryAfter
        )
    ]
    assert len(delays) == 500
    assert min(delays) < 0.05 * ceiling
    assert 0.95 * ceiling < max(delays) <= ceiling


LONG = Past(failed_seconds=9, failing_seconds=300)


def tried(error: UpstreamError, *, attempts: int, past: Past = LONG) -> RetryAfter | GiveUp:
    return policy().decide(error, attempts=attempts, age_seconds=999, past=past)


@pytest.mark.parametrize("kind", [Transient, Malformed, WrongEndpoint])
@pytest.mark.parametrize(
    ("attempts", "failing", "gives_up"),
    [(0, 300, False), (3, 300, False), (4, 299, False), (99, 299, False), (4, 300, True)],
)
def test_a_job_is_given_up_when_attempts_and_time_are_used(
    kind: type[UpstreamError], attempts: int, failing: float, *, gives_up: bool
) -> None:
    """No attempt is the last before the least time of retries has passed."""
    past = Past(failed_seconds=1, failing_seconds=failing)
    assert isinstance(tried(kind(""), attempts=attempts, past=past), GiveUp) is gives_up


def test_giving_up_counts_the_last_attempt() -> None:
    """A job that is given up has the number of its attempts."""
    assert tried(Transient(""), attempts=4) == GiveUp(5)


def nonsense(pattern: str, *, alone: bool = True) -> Malformed:
    error = Malformed("")
    error.pattern, error.alone = pattern, alone
    return error


@pytest.mark.parametrize(
    ("error", "repeats", "gives_up"),
    [
        (nonsense("a"), 4, True),
        (nonsense("a"), 3, False),
        (nonsense("b"), 4, False),
        (nonsense("a", alone=False), 4, False),
    ],
)
def test_only_nonsense_that_repeats_is_given_up_early(
    error: Malformed, repeats: int, *, gives_up: bool
) -> None:
    """Before that time a job ends only if its answers are all the same while others are ranked."""
    past = Past(failed_seconds=1, failing_seconds=5, pattern="a", repeats=repeats)
    assert isinstance(tried(error, attempts=4, past=past), GiveUp) is gives_up


def test_nonsense_is_counted_as_long_as_it_is_the_same() -> None:
    """The kept failure counts how often in a row an answer was malformed in the same way."""
    past = Past(failed_seconds=1, failing_seconds=5, pattern="a", repeats=2)
    for pattern, count in (("a", 3), ("b", 1), ("", 0)):
        decision = tried(nonsense(pattern), attempts=1, past=past)
        assert isinstance(decision, RetryAfter)
        assert decision.failure
        assert (decision.failure.pattern, decision.failure.repeats) == (pattern, count)


@pytest.mark.parametrize("error", [Transient("out"), Malformed("what"), WrongEndpoint("where")])
def test_a_site_that_never_ranked_ends_no_job(error: UpstreamError) -> None:
    """An error that may come from wrong settings ends no job, however often and long it occurs."""
    error.ends_job = False
    decision = policy(give_up_seconds=100).decide(error, attempts=99, age_seconds=1e6, past=LONG)
    assert isinstance(decision, RetryAfter)
    assert decision.attempts == 100


@given(st.floats(0, 1e5), st.integers())
def test_no_connection_uses_no_attempt(age: float, seed: int) -> None:
    """Without a connection nothing was paid for: the job waits, longer if it is older."""
    decision = decide(Unreachable(""), attempts=99, age=age, seed=seed)
    assert isinstance(decision, RetryAfter)
    assert decision.attempts == 99
    assert 0 <= decision.seconds <= min(15, max(1, age))


@pytest.mark.parametrize(
    ("kind", "least"),
    [
        (Throttled, 2),
        (QuotaInDoubt, 30),
        (KeyRefused, 60),
        (OutOfCredit, 60),
        (BadKey, 60),
        (ModelUnavailable, 30),
    ],
)
def test_faults_that_are_not_the_jobs_use_no_attempt(
    kind: type[UpstreamError], least: float
) -> None:
    """Throttling, a refused key and a missing model only make a job wait, each for its own time."""
    decision = decide(kind("no"), attempts=99)
    assert isinstance(decision, RetryAfter)
    assert decision.attempts == 99
    assert least <= decision.seconds <= least * 1.5


@pytest.mark.parametrize("kind", [KeyRefused, ModelUnavailable])
@pytest.mark.parametrize("asked", [1, 45, MOST_WAIT_SECONDS])
def test_free_wait_is_no_shorter_than_asked(kind: type[UpstreamError], asked: float) -> None:
    """A job that waits for a key or a model waits longer if the upstream says so."""
    decision = decide(kind("no", retry_after=asked))
    assert isinstance(decision, RetryAfter)
    assert decision.seconds >= max(30, asked)


def test_an_outage_uses_no_attempt() -> None:
    """A job that waits for the whole upstream uses no attempt."""
    decision = decide(Deferred("out", seconds=7), attempts=99)
    assert isinstance(decision, RetryAfter)
    assert decision.attempts == 99
    assert 7 <= decision.seconds <= 9


@pytest.mark.parametrize("error", [Deferred("out", seconds=7), OutOfCredit(""), BadKey("")])
def test_a_fault_of_all_jobs_ends_none(error: UpstreamError) -> None:
    """A job for which no call can be made, or no key is usable, waits however old it is."""
    decision = decide(error, attempts=2, age=1e6, give_up_seconds=100.0)
    assert isinstance(decision, RetryAfter)
    assert decision.attempts == 2


@pytest.mark.parametrize(
    "error", [ModelUnavailable(""), Deferred("which", seconds=5, code="upstream_model", ages=True)]
)
def test_missing_model_has_an_age_limit(error: UpstreamError) -> None:
    """A wrong model name never becomes right, so an old job is given up."""
    assert decide(error, attempts=2, age=99, give_up_seconds=100.0) == GiveUp(2)


@pytest.mark.parametrize("kind", [Refused, TooLarge])
def test_refused_gives_up_at_once(kind: type[Refused]) -> None:
    """A permanent error is not tried a second time."""
    assert decide(kind("")) == GiveUp(1)


@pytest.mark.parametrize("error", [Throttled("", retry_after=60), Throttled("")])
def test_throttled_job_has_an_age_limit(error: Throttled) -> None:
    """A job that would come back past its age limit is given up, with no attempt added."""
    assert decide(error, attempts=2, age=99.5, give_up_seconds=100.0) == GiveUp(2)


def test_failing_job_has_an_age_limit() -> None:
    """An old job is given up although attempts are left."""
    assert decide(Transient(""), attempts=1, age=101, give_up_seconds=100.0) == GiveUp(2)
    assert isinstance(decide(Transient(""), attempts=1, age=1, give_up_seconds=100.0), RetryAfter)


def test_same_seed_decides_the_same() -> None:
    """All random numbers come from the given generator."""
    assert decide(Transient(""), seed=7) == decide(Transient(""), seed=7)
    assert decide(Transient(""), seed=7) != decide(Transient(""), seed=8)
