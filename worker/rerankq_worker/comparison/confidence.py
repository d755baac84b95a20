"""How far the mean of a sample may be off: bootstrap confidence intervals.

Source: Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13 (percentiles);
for the comparison of two systems by the differences of each query: Sakai, "Evaluating Information
Retrieval Metrics Based on Bootstrap Hypothesis Tests", 2006.
"""

from collections.abc import Sequence
from random import Random
from statistics import fmean
from typing import Final, NamedTuple

RESAMPLES: Final = 1000
LEVEL: Final = 0.95
_SEED: Final = 1
"""The same figures each time for the same set."""


class Mean(NamedTuple):
    """A mean, and the interval that holds the true one in 95 of 100 cases.

    Attributes:
        of: how many values.
        low: None when there are too few values to tell.
        high: the same.
    """

    value: float
    low: float | None
    high: float | None
    of: int


def mean_of(values: Sequence[float]) -> Mean | None:
    """The mean of values; None if there are none."""
    if not values:
        return None
    value = fmean(values)
    if len(values) == 1:
        return Mean(value, None, None, 1)
    chance = Random(_SEED)  # noqa: S311  no secret
    means = sorted(fmean(chance.choices(values, k=len(values))) for _ in range(RESAMPLES))
    beyond = int(RESAMPLES * (1 - LEVEL) / 2)
    return Mean(value, means[beyond], means[-1 - beyond], len(values))
