"""Exact tokens of many jobs from a sample."""

import random
from collections.abc import Sequence

import pytest

from rerankq.cost.sampling import SampledCount, exact_count
from rerankq.cost.tokens import load


def exact(query: str, documents: Sequence[str]) -> int:
    """Stands for a tokenizer: what it counts stands in the query."""
    return int(query) * len(documents)


def jobs(many: int, seed: int) -> list[tuple[int, int]]:
    """Pairs of estimated and exact tokens, which differ by a fifth, more or less."""
    chance = random.Random(seed)  # noqa: S311  makes test data
    estimates = [chance.randint(50, 5000) for _ in range(many)]
    return [(each, round(each * chance.gauss(1.07, 0.2))) for each in estimates]


def sampled(given: list[tuple[int, int]], size: int | None, seed: int = 1) -> SampledCount:
    count = SampledCount(exact, size=size, seed=seed)
    for estimated, counted in given:
        count.add(str(counted), ["d"], estimated)
    return count


@pytest.mark.parametrize("size", [None, 100, 101])
def test_few_jobs_are_all_counted(size: int | None) -> None:
    """Up to the size of the sample, or without one, the total is exact."""
    given = jobs(100, seed=3)
    count = sampled(given, size)
    assert count.is_exact
    assert (count.jobs, count.error()) == (100, 0)
    assert count.total() == sum(each for _, each in given)


def test_the_true_total_lies_within_the_error() -> None:
    """The interval holds the true total about 95 times of 100."""
    given = jobs(5000, seed=5)
    true = sum(each for _, each in given)
    held = 0
    for seed in range(100):
        count = sampled(given, 200, seed)
        assert count.jobs == 200
        assert not count.is_exact
        held += abs(count.total() - true) <= count.error()
    assert 88 <= held <= 100


def test_a_large_sample_is_within_a_percent() -> None:
    """With the default sample the total is far better than the estimates."""
    given = jobs(20_000, seed=7)
    count = sampled(given, 4000)
    true = sum(each for _, each in given)
    assert abs(count.total() - true) / true < 0.01
    assert 0 < count.error() / true < 0.01


def test_nothing_was_added() -> None:
    """Without jobs all is zero."""
    assert (SampledCount(exact).total(), SampledCount(exact).error()) == (0, 0)


def test_a_query_counts_with_each_document() -> None:
    """The exact count follows the same rule as the estimate; other models have none."""
    assert exact_count("some-other-model") is None
    count = exact_count("qwen3-reranker-8b")
    assert count is not None
    assert count("hello world", ["one", "two three"]) == load("hello world", ["one", "two three"])
