"""How far two rankings agree: shared heads, and correlation of ranks."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rerankq_worker.upstream.agreement import Agreement, agreement, best_first

SCORES = st.lists(st.floats(-5, 5), min_size=2, max_size=30)


def agreed_on(one: Sequence[float], other: Sequence[float]) -> Agreement:
    return agreement(dict(enumerate(one)), dict(enumerate(other)), documents=len(one))


@given(SCORES)
def test_a_ranking_agrees_with_itself(scores: list[float]) -> None:
    """All heads are shared, and the ranks correlate fully where scores differ at all."""
    agreed = agreed_on(scores, scores)
    assert set(agreed.overlap.values()) <= {1.0}
    if len({*scores}) > 1:
        assert agreed.rank_correlation == pytest.approx(1)
    else:
        assert agreed.rank_correlation is None


@given(st.permutations(range(12)))
def test_only_the_order_counts(order: list[int]) -> None:
    """A change of scale that keeps the order changes nothing; the reverse order correlates -1."""
    scores = [float(each) for each in order]
    assert agreed_on(scores, [each**3 - 7 for each in scores]) == agreed_on(scores, scores)
    reverse = agreed_on(scores, [-each for each in scores])
    assert reverse.rank_correlation == pytest.approx(-1)
    assert reverse.overlap[1] == 0


def test_equal_scores_share_a_rank() -> None:
    """The ranks are 0, 1.5, 1.5 and 3; in heads equal scores stay in the documents' order."""
    agreed = agreed_on([4, 2, 2, 1], [4, 3, 2, 1])
    assert agreed.rank_correlation == pytest.approx(0.9486833)
    assert best_first({0: 1, 1: 2, 2: 2}) == [1, 2, 0]


def test_heads_that_are_the_whole_list_are_left_out() -> None:
    """Two lists of three documents share three of three, whatever their order."""
    assert list(agreed_on([1, 2, 3], [3, 2, 1]).overlap) == [1]


def test_what_only_one_side_has_scored_is_not_compared() -> None:
    """A side that gave its best three is compared by heads of so many, and by no correlation."""
    agreed = agreement({5: 3.0, 1: 2.0, 0: 1.0}, {5: 1.0, 4: 0.5, 0: 0.4, 2: 0.1}, documents=9)
    assert agreed == Agreement({1: 1.0, 3: pytest.approx(2 / 3)}, None)  # type: ignore[dict-item]
