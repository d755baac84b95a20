"""Scores on one scale: probabilities of logits, in the order of the logits."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rerankq_worker.upstream.port import Answer, Score, best_first
from rerankq_worker.upstream.score_scale import (
    NOT_DECLARED,
    Scales,
    ScoreScale,
    on_one_scale,
    probability,
)

finite = st.floats(allow_nan=False, allow_infinity=False)


def answer(*raw: float) -> Answer:
    scores = sorted((Score(index, score) for index, score in enumerate(raw)), key=best_first)
    return Answer(scores, 1, 2, None)


@pytest.mark.parametrize(
    ("logit", "expected"),
    [
        (0.0, 0.5),
        (4.1, 0.9836975006285591),
        (-4.1, 1 - 0.9836975006285591),
        (40.0, 1.0),
        (1e308, 1.0),
        (-745.0, math.exp(-745)),
        (-1e308, 0.0),
    ],
)
def test_the_probability_of_a_logit(logit: float, expected: float) -> None:
    """It is the logistic function, without overflow and exact near zero."""
    assert probability(logit) == pytest.approx(expected, rel=1e-12, abs=0)


@given(finite)
def test_a_probability_is_within_0_and_1(logit: float) -> None:
    """So it is for every finite logit."""
    assert 0.0 <= probability(logit) <= 1.0


@given(st.lists(finite, min_size=1, max_size=50))
def test_the_order_is_that_of_the_raw_scores(raw: list[float]) -> None:
    """Also where probabilities are equal; equal raw scores stay in the order of the documents."""
    given_answer = answer(*raw)
    found = on_one_scale(given_answer, ScoreScale.LOGIT)
    assert [each.index for each in found.scores] == [each.index for each in given_answer.scores]
    assert [each.raw for each in found.scores] == [each.raw for each in given_answer.scores]
    assert all(
        (-before.raw, before.index) < (-after.raw, after.index)
        for before, after in pairwise(found.scores)
    )


@given(st.lists(finite, min_size=2, max_size=9), finite)
def test_a_score_does_not_depend_on_other_documents(raw: list[float], other: float) -> None:
    """A document's probability is the same in every job."""
    alone = on_one_scale(answer(raw[0]), ScoreScale.LOGIT).scores[0].relevance_score
    both = on_one_scale(answer(*raw, other), ScoreScale.LOGIT).scores
    assert next(each.relevance_score for each in both if each.index == 0) == alone


def test_probabilities_stay_as_they_are() -> None:
    """So do scores of a site that declares nothing; only the declared scale is told."""
    given_answer = answer(0.9, 0.1)
    assert on_one_scale(given_answer, None) is given_answer
    found = on_one_scale(given_answer, ScoreScale.PROBABILITY)
    assert (found.scores, found.scale) == (given_answer.scores, "probability")


def test_scores_of_two_sites_are_compared_by_probability() -> None:
    """A logit of 4.1 is better than a probability of 0.9, and worse than one of 0.99."""
    merged = [Score(0, 0.9), Score(1, probability(4.1), 4.1), Score(2, 0.99)]
    assert [each.index for each in sorted(merged, key=best_first)] == [2, 1, 0]


def test_a_model_may_have_a_scale_of_its_own() -> None:
    """Other models have the site's."""
    scales = Scales(ScoreScale.PROBABILITY, {"m": ScoreScale.LOGIT})
    assert (scales.of("m"), scales.of("n")) == (ScoreScale.LOGIT, ScoreScale.PROBABILITY)
    assert NOT_DECLARED.of("m") is None
