import asyncio
import importlib.util
import time
from collections.abc import Sequence
from typing import Self

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rerankq_sandbox import scoring
from rerankq_sandbox.bigram import BigramScorer, match, terms_of
from rerankq_sandbox.config import SandboxConfig
from rerankq_sandbox.hashed import HashScorer
from rerankq_sandbox.scoring import Scorer, ScorerUnavailableError, resolve, to_unit
from rerankq_sandbox.semantic import SemanticScorer

QUERY = "如何预防感冒"
GOOD = "预防感冒应勤洗手、戴口罩"
BAD = "今天股市大涨"


def scores(scorer: Scorer, query: str, documents: Sequence[str]) -> list[float]:
    return asyncio.run(scorer.score(query, documents))


@pytest.mark.parametrize("scorer", [BigramScorer(), HashScorer()])
@settings(max_examples=50, deadline=None)
@given(query=st.text(), documents=st.lists(st.text(), min_size=1, max_size=5))
def test_scores_are_pointwise(scorer: Scorer, query: str, documents: list[str]) -> None:
    """A score lies within (0, 1) and never depends on the other documents of the call."""
    together = scores(scorer, query, documents)
    assert together == [scores(scorer, query, [document])[0] for document in documents]
    assert all(0 < score < 1 for score in together)


def test_documents_and_queries_hash_differently() -> None:
    """A hash score depends on the query and on the document."""
    one, other = scores(HashScorer(), "q", ["a", "b"])
    assert one != other
    assert one != scores(HashScorer(), "p", ["a"])[0]


@pytest.mark.parametrize(
    ("query", "good", "bad"),
    [
        (QUERY, GOOD, BAD),
        ("Redis lease", "a REDIS lease expires", "a cat sleeps"),
        ("猫", "黑猫", "狗"),
    ],
)
def test_shared_words_rank_first(query: str, good: str, bad: str) -> None:
    """Of two documents, the one that shares words with the query ranks first."""
    first, second = scores(BigramScorer(), query, [good, bad])
    assert first > second


def test_terms_are_letters_only() -> None:
    """Punctuation and spaces are no terms, and a repeated bigram is one term."""
    assert terms_of("A b, 感冒感冒!") == ["感冒", "冒感"]


@given(st.integers(1, 50))
def test_more_hits_never_score_less(times: int) -> None:
    """Each further occurrence raises a match, and none raises it to 1."""
    terms = terms_of("感冒")
    assert match(terms, "感冒," * times) < match(terms, "感冒," * (times + 1)) < 1


@given(st.floats(-1, 1), st.floats(-1, 1))
def test_mapping_keeps_the_order(one: float, other: float) -> None:
    """The map into (0, 1) never reverses an order."""
    low, high = sorted((one, other))
    assert 0 < to_unit(low) <= to_unit(high) < 1


def test_the_default_keeps_up_with_a_worker() -> None:
    """The default scorer scores 10,000 ordinary pairs in less than a second of CPU."""
    assert SandboxConfig().scorer == "bigram"
    documents = [f"{number}: {GOOD}。{BAD}。" * 4 for number in range(1000)]
    scorer, started = BigramScorer(), time.process_time()
    for _ in range(10):
        scores(scorer, QUERY, documents)
    assert time.process_time() - started < 1.0


def test_a_large_call_does_not_hold_up_others() -> None:
    """A large call is scored in a thread, so the event loop answers other calls meanwhile."""

    async def run() -> bool:
        scoring_task = asyncio.create_task(BigramScorer().score(QUERY, [GOOD * 100_000] * 5))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        answered = not scoring_task.done()
        await scoring_task
        return answered

    assert asyncio.run(run())


def test_auto_takes_what_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """`auto` is semantic if its package is installed, else bigram; `semantic` requires it."""
    monkeypatch.setattr(scoring, "find_spec", lambda _name: None)
    assert resolve("auto") == "bigram"
    with pytest.raises(ScorerUnavailableError, match="pip install"):
        resolve("semantic")
    monkeypatch.setattr(scoring, "find_spec", importlib.util.find_spec)
    assert [resolve("bigram"), resolve("hash")] == ["bigram", "hash"]


class FakeVector:
    """A vector on a line."""

    def __init__(self, value: float) -> None:
        self.value = value

    def dot(self, other: Self, /) -> float:
        """The product."""
        return self.value * other.value


class FakeEncoder:
    """Knows one topic: texts about colds."""

    def encode(self, texts: str, /) -> FakeVector:
        """1 on the topic, 0 off it, not a number for nothing."""
        return FakeVector(
            float("nan") if texts == "" else float("cold" in texts or "感冒" in texts)
        )


def test_meaning_ranks_where_no_word_is_shared() -> None:
    """A document in another language ranks by meaning; an unusable embedding counts as none."""
    scorer = SemanticScorer(FakeEncoder())
    try:
        good, bad, empty = asyncio.run(scorer.score(QUERY, ["avoid a cold", "buy shares", ""]))
    finally:
        scorer.close()
    assert good > bad == empty
