"""What an attempt tells of its calls."""

from typing import Any, cast

import pytest

from rerankq.ledger.usage import CallUsage, Usage
from rerankq_worker.jobs.usage import AttemptUsage
from rerankq_worker.limits.route import Reservation
from rerankq_worker.upstream.errors import (
    KeyRefused,
    Malformed,
    NotBegun,
    Refused,
    Throttled,
    Transient,
    Unreachable,
    UpstreamError,
)
from rerankq_worker.upstream.port import Answer


class Named:
    """Something with these attributes."""

    def __init__(self, **attributes: Any) -> None:
        vars(self).update(attributes)


RESERVATION = cast("Reservation", Named(route=Named(site=Named(name="site"), key=Named(id="k1"))))


def answer(tokens: int) -> Answer:
    """An answer of which the upstream tells so many tokens."""
    return Answer(scores=(), prompt_tokens=tokens, total_tokens=tokens, request_id=None)


@pytest.mark.parametrize(
    ("reported", "counted", "usage"),
    [
        (30, 20, Usage(1, 1, pairs=3, reported_tokens=30)),
        (0, 20, Usage(1, 1, pairs=3, counted_tokens=20)),
        (0, 0, Usage(1, 1, pairs=3, estimated_tokens=10)),
    ],
)
def test_the_best_figure_counts(reported: int, counted: int, usage: Usage) -> None:
    """Tokens are reported, else counted, else estimated: in one of three figures."""
    used = AttemptUsage("m")
    used.ranked(RESERVATION, answer(reported), pairs=3, estimated=10, counted=counted)
    assert used.told(succeeded=True) == (CallUsage("site", "k1", "m", usage),)


@pytest.mark.parametrize(
    ("fault", "uncertain"),
    [
        (Throttled("no"), 0),
        (KeyRefused("no"), 0),
        (Refused("no"), 0),
        (Transient("no"), 10),
        (Malformed("no"), 10),
    ],
)
def test_a_call_without_a_ranking_is_a_retry(fault: UpstreamError, uncertain: int) -> None:
    """It is counted; where the work may have been done, its tokens are uncertain."""
    used = AttemptUsage("m")
    used.failed(RESERVATION, fault, estimated=10)
    usage = Usage(calls=1, retries=1, uncertain_tokens=uncertain)
    assert used.told(succeeded=False) == (CallUsage("site", "k1", "m", usage),)


@pytest.mark.parametrize("fault", [None, NotBegun(), Unreachable("no")])
def test_what_never_reached_the_upstream_is_no_call(fault: UpstreamError | None) -> None:
    """Without a connection, and without a call, there is nothing to count."""
    used = AttemptUsage("m")
    used.failed(RESERVATION, fault, estimated=10)
    assert used.told(succeeded=False) == ()


def test_a_job_counts_once_however_many_calls_it_had() -> None:
    """Several calls, and pairs that were not sent, are one job."""
    used = AttemptUsage("m")
    used.reused("site", pairs=5, tokens=50)
    used.ranked(RESERVATION, answer(1), pairs=1, estimated=1)
    used.ranked(RESERVATION, answer(1), pairs=1, estimated=1)
    told = used.told(succeeded=True)
    assert [each.usage.jobs for each in told] == [1, 0, 0]
    assert sum(each.usage.calls for each in told) == 2


def test_a_job_without_a_call_is_counted_too() -> None:
    """A job whose scores were all known, or that needed none, has its ranking."""
    assert AttemptUsage("m").told(succeeded=True) == (CallUsage("", "", "m", Usage(jobs=1)),)


def test_a_call_that_was_broken_off_is_uncertain() -> None:
    """Nobody knows whether it was made: it is no call, and no retry."""
    used = AttemptUsage("m")
    used.broken_off(RESERVATION, estimated=10)
    (told,) = used.told(succeeded=False)
    assert told.usage == Usage(uncertain_calls=1, uncertain_tokens=10)


def test_what_was_counted_before_is_not_told_again() -> None:
    """The end of a large job counts the job, where its calls were made; what failed comes back."""
    used = AttemptUsage("m")
    used.ranked(RESERVATION, answer(1), pairs=1, estimated=1)
    taken = used.take()
    assert [each.usage.calls for each in taken] == [1]
    assert used.take() == ()
    assert used.told(succeeded=True) == (CallUsage("site", "k1", "m", Usage(jobs=1)),)
    used.put_back(taken)
    assert used.told(succeeded=False) == taken
