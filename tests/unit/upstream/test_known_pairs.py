"""What scores of known pairs show: only scores that no working reranker gives are nonsense."""

import asyncio
from collections.abc import Sequence

import pytest

from rerankq_sandbox.bigram import BigramScorer
from rerankq_sandbox.hashed import HashScorer
from rerankq_worker.limits.score_checks import REPEATS
from rerankq_worker.upstream.errors import Deferred, Malformed, NotANumber
from rerankq_worker.upstream.known_pairs import (
    QUESTIONS,
    Question,
    ScoreFault,
    fault_in,
    fault_of,
    is_best_first,
)
from rerankq_worker.upstream.port import Answer, Score

ASKED = Question("q", ("best", "a", "b", "c"), best=0)

each_question = pytest.mark.parametrize("question", QUESTIONS, ids=lambda each: each.query)


def answered(scores: Sequence[float]) -> Answer:
    rows = [Score(index, score) for index, score in enumerate(scores)]
    best_first = sorted(rows, key=lambda each: -each.relevance_score)
    return Answer(best_first, prompt_tokens=0, total_tokens=0, request_id=None)


@pytest.mark.parametrize(
    ("scores", "fault"),
    [
        ([0.98, 0.02, 0.01, 0.0], None),
        ([4.1, -8.3, -7.0, -11.2], None),
        ([-1.0, -8.3, -7.0, -11.2], None),
        ([88.0, 12.0, 3.0, 0.0], None),
        ([3e-9, 1e-9, 1e-9, 1e-9], None),
        ([0.5, 0.6, 0.4, 0.4], None),
        ([0.5, 0.5, 0.5, 0.5], ScoreFault.ALL_EQUAL),
        ([0.0, 0.0, 0.0, 0.0], ScoreFault.ALL_EQUAL),
        ([-7.25, -7.25, -7.25, -7.25], ScoreFault.ALL_EQUAL),
        ([0.02, 0.98, 0.99, 0.97], ScoreFault.REVERSED),
        ([-8.3, 4.1, 2.0, 1.0], ScoreFault.REVERSED),
        ([1e9, 3.0, 2.0, 1.0], ScoreFault.OUT_OF_RANGE),
        ([4.0, 3.0, 2.0, -1e30], ScoreFault.OUT_OF_RANGE),
    ],
)
def test_what_is_nonsense(scores: list[float], fault: ScoreFault | None) -> None:
    """Equal, reversed and impossible scores are; logits, percentages and a second place are not."""
    assert fault_of(ASKED, answered(scores)) is fault


def test_only_the_class_of_an_error_tells_that_scores_were_no_numbers() -> None:
    """NaN is nonsense, also inside the error that a call's guard makes of it; no JSON is not."""
    wrapped = Deferred("later", seconds=1.0)
    wrapped.__cause__ = NotANumber("nan")
    assert fault_in(NotANumber("nan")) is fault_in(wrapped) is ScoreFault.NOT_A_NUMBER
    assert fault_in(Malformed("broken JSON")) is None


@each_question
def test_a_reranker_by_words_alone_answers_every_question(question: Question) -> None:
    """The best document is so much better than the others that the simplest scorer finds it."""
    scores = asyncio.run(BigramScorer().score(question.query, question.documents))
    answer = answered(scores)
    assert is_best_first(question, answer)
    assert scores[question.best] > 2 * sorted(scores)[-2]
    assert fault_of(question, answer) is None


def test_the_scorer_of_load_tests_is_never_parked() -> None:
    """Its scores have no meaning, but they are not reversed for three questions in a row."""
    faults = [
        fault_of(each, answered(asyncio.run(HashScorer().score(each.query, each.documents))))
        for each in QUESTIONS
    ]
    assert len([each for each in faults if each]) <= REPEATS


@each_question
def test_a_call_is_tiny(question: Question) -> None:
    """A check may be made every hour for every model: it costs next to nothing."""
    assert len(question.documents) == 4
    assert 40 < question.tokens < 150
