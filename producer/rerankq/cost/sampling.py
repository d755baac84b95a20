"""Exact tokens of many jobs from the exact count of a random sample of them.

The estimate of `tokens` is made of every job. A reservoir (Vitter's algorithm R) keeps a random
sample of the jobs, all equally likely, and only these are counted exactly. The total is the total
of the estimates times the ratio of exact to estimated tokens in the sample: the ratio estimator of
survey sampling (Cochran, Sampling Techniques, chapter 6). What the estimate gets wrong is much the
same for all jobs of a file, so the ratio is known far better than either total.
"""

import math
import random
from collections.abc import Callable, Sequence
from typing import Final

from rerankq.cost.counters import counter_for

SAMPLE: Final = 4_000
CONFIDENCE: Final = 1.96
"""Standard errors of an interval that holds the true total 95 times of 100."""
_TOO_FEW: Final = 2

Count = Callable[[str, Sequence[str]], int]
"""Counts the tokens of a call, as `tokens.load` does."""


def exact_count(model: str) -> Count | None:
    """Counts as the model does; None where its tokens can only be estimated."""
    counter = counter_for(model)
    if not counter.is_exact:
        return None

    def count(query: str, documents: Sequence[str]) -> int:
        asked, *answers = counter.count([query, *documents])
        return asked * len(answers) + sum(answers)

    return count


class SampledCount:
    """Counts the tokens of a random sample exactly.

    Args:
        count: counts exactly.
        size: jobs in the sample; while there are no more, each is counted. None: all are.
        seed: of the choice. The same for the same file, so that two plans of it agree.
    """

    def __init__(self, count: Count, *, size: int | None = SAMPLE, seed: int = 15) -> None:
        self._count = count
        self._size = size
        self._random = random.Random(seed)  # noqa: S311  chooses a sample, and protects nothing
        self._sample: list[tuple[int, int]] = []
        self._jobs = 0
        self._estimated = 0
        self._counted = 0

    def add(self, query: str, documents: Sequence[str], estimated: int) -> None:
        """Add a job with its estimated tokens."""
        self._jobs += 1
        self._estimated += estimated
        if self._size is None:
            self._counted += self._count(query, documents)
        elif len(self._sample) < self._size:
            self._sample.append((estimated, self._count(query, documents)))
        else:
            place = int(self._random.random() * self._jobs)
            if place < self._size:
                self._sample[place] = (estimated, self._count(query, documents))

    @property
    def is_exact(self) -> bool:
        """Whether every job was counted."""
        return self._size is None or self._jobs <= self._size

    @property
    def jobs(self) -> int:
        """How many jobs were counted."""
        return self._jobs if self._size is None else len(self._sample)

    def total(self) -> int:
        """Tokens of all jobs."""
        exact = self._counted + sum(each for _, each in self._sample)
        return exact if self.is_exact else round(self._estimated * self._ratio())

    def error(self) -> float:
        """The half width of the 95 % interval of the total, in tokens; 0 if it is exact."""
        size = len(self._sample)
        if self.is_exact or size < _TOO_FEW:
            return 0.0
        ratio = self._ratio()
        squares = sum((exact - ratio * estimated) ** 2 for estimated, exact in self._sample)
        unseen = 1 - size / self._jobs
        return CONFIDENCE * self._jobs * math.sqrt(unseen * squares / (size - 1) / size)

    def _ratio(self) -> float:
        estimated = sum(each for each, _ in self._sample)
        return sum(exact for _, exact in self._sample) / estimated if estimated else 1.0
