import statistics
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from rerankq_sandbox.config import SandboxConfig
from rerankq_sandbox.contract import Question
from rerankq_sandbox.latency import Distribution, Latency

QUESTION = Question("m", "one two", ["three", "four five"])
TOKENS = 7


def drawn(times: int = 500, seed: int = 1, **fields: Any) -> list[float]:
    latency = Latency(TypeAdapter[Distribution](Distribution).validate_python(fields), seed)
    return [latency.draw(QUESTION) for _ in range(times)]


def test_constant_is_constant() -> None:
    """A constant latency is the same each time."""
    assert drawn(2, kind="constant", ms=30) == [0.03, 0.03]


def test_uniform_stays_within_its_jitter() -> None:
    """A uniform latency is spread about its mean, the same for the same seed."""
    times = drawn(kind="uniform", ms=100, jitter=0.2)
    assert times == drawn(kind="uniform", ms=100, jitter=0.2)
    assert times != drawn(kind="uniform", ms=100, jitter=0.2, seed=2)
    assert 0.08 <= min(times) < 0.085
    assert 0.115 < max(times) <= 0.12


def test_lognormal_has_its_median_and_its_tail() -> None:
    """Half the draws lie within the median, and 99% within the 99th percentile."""
    times = drawn(20_000, kind="lognormal", median_ms=80, p99_ms=400)
    percentiles = statistics.quantiles(times, n=100)
    assert percentiles[49] == pytest.approx(0.08, rel=0.05)
    assert percentiles[98] == pytest.approx(0.4, rel=0.1)


def test_larger_calls_take_longer() -> None:
    """Documents and tokens add their costs."""
    costs = {"per_document_ms": 10, "per_token_ms": 1}
    (time,) = drawn(1, kind="constant", ms=1, **costs)
    assert time == pytest.approx((1 + 2 * 10 + TOKENS) / 1000)


@pytest.mark.parametrize(
    "bad",
    [
        {"kind": "lognormal", "median_ms": 5, "p99_ms": 4},
        {"kind": "lognormal", "median_ms": 0, "p99_ms": 4},
        {"kind": "uniform", "ms": 5},
        {"kind": "constant", "ms": -1},
        {"kind": "other"},
    ],
)
def test_impossible_spreads_are_refused(bad: dict[str, Any]) -> None:
    """A distribution that cannot be is refused."""
    with pytest.raises(ValidationError):
        drawn(1, **bad)


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ({"latency_ms": 5}, "constant"),
        ({"latency_ms": 5, "jitter": 0.1}, "uniform"),
        ({"latency_ms": 5, "latency_p99_ms": 50}, "lognormal"),
    ],
)
def test_options_choose_the_distribution(options: dict[str, float], kind: str) -> None:
    """The distribution follows from which options are given."""
    assert SandboxConfig.model_validate(options).latency.kind == kind
