"""What is measured of questions and their answers."""

from math import log2

import pytest

from rerankq.contract import RerankRequest
from rerankq_worker.comparison.calling import Answered, Unanswered
from rerankq_worker.comparison.confidence import mean_of
from rerankq_worker.comparison.figures import compared, totals
from rerankq_worker.comparison.quality import quality
from rerankq_worker.comparison.questions import Question

LOST = Unanswered("upstream_refused", "no", calls=1)


def question(*grades: int) -> Question:
    request = RerankRequest(query="q", documents=("a", "b", "c", "d"))
    return Question("one", request, grades or None)


def answered(*scores: float, seconds: float = 0.1) -> Answered:
    return Answered(dict(enumerate(scores)), seconds, tokens=5, calls=2)


def test_only_what_both_answered_is_compared() -> None:
    """A side without an answer is counted with the error's code, and measures nothing."""
    rows = [
        compared(question(1, 0, 0, 0), answered(4, 3, 2, 1), answered(4, 3, 2, 1)),
        compared(question(1, 0, 0, 0), answered(4, 3, 2, 1), LOST),
    ]
    found = totals(rows)
    assert (found.questions, found.both) == (2, 1)
    assert found.sides[0].answered == 2
    assert dict(found.sides[1].failed) == {"upstream_refused": 1}
    assert (found.sides[1].calls, found.sides[1].tokens) == (3, 5)
    assert {top: mean.value for top, mean in found.overlap.items()} == {1: 1, 3: 1}
    first, second, difference = found.quality["nDCG@10"]
    assert (first.value, second.value, difference.value) == (1, 1, 0)


def test_without_judgements_there_is_no_quality() -> None:
    """Neither is there for a question of which no document is relevant: it could only be 0."""
    for grades in ((), (0, 0, 0, 0)):
        row = compared(question(*grades), answered(4, 3, 2, 1), answered(1, 2, 3, 4))
        assert not totals([row]).quality


def test_measures_of_a_ranking() -> None:
    """As published: nDCG by graded gain, the reciprocal rank of the first hit, recall of ten."""
    scores = {index: float(-index) for index in range(12)}
    grades = [0, 2, 0, 1, *[0] * 7, 1]
    found = quality(scores, grades)
    assert found["RR@10"] == 0.5
    assert found["R@10"] == pytest.approx(2 / 3)
    gain, ideal = 2 / log2(3) + 1 / log2(5), 2 + 1 / log2(3) + 1 / 2
    assert found["nDCG@10"] == pytest.approx(gain / ideal)


def test_equal_scores_stay_in_the_order_of_the_documents() -> None:
    """The library would order them by name."""
    assert quality(dict.fromkeys(range(3), 1.0), [1, 0, 0])["RR@10"] == 1
    assert quality(dict.fromkeys(range(11), 1.0), [0] * 10 + [1])["R@10"] == 0


def test_latency_is_of_calls_that_answered() -> None:
    """A percentile is the time within which that share of the calls was answered."""
    calls = [answered(4, 3, 2, 1, seconds=number / 10) for number in range(1, 11)]
    side = totals([compared(question(), each, LOST) for each in calls]).sides[0]
    assert (side.latency(0.5), side.latency(0.95)) == (0.5, 1.0)
    assert totals([compared(question(), LOST, LOST)]).sides[0].latency(0.5) is None


def test_the_interval_holds_the_mean() -> None:
    """It is the same each time, narrower for more values, and not there for one."""
    assert mean_of([]) is None
    one = mean_of([0.5])
    assert one
    assert (one.low, one.high, one.of) == (None, None, 1)
    few, many = mean_of([0.0, 1.0] * 5), mean_of([0.0, 1.0] * 500)
    assert few
    assert many
    assert few == mean_of([0.0, 1.0] * 5)
    assert few.low is not None
    assert few.high is not None
    assert many.low is not None
    assert many.high is not None
    assert few.low < many.low < 0.5 < many.high < few.high
