"""How long an answer takes."""

import random


class Latency:
    """Draws the time of each answer, the same series for the same seed."""

    def __init__(self, mean_ms: float, jitter: float, seed: int) -> None:
        self._mean = mean_ms / 1000.0
        self._jitter = jitter
        self._random = random.Random(f"latency {seed}")  # noqa: S311 - repeatable, not secret

    def draw(self) -> float:
        """Time from arrival to answer, in seconds: uniform within the jitter about the mean."""
        if not self._mean:
            return 0.0
        return self._mean * (1.0 + self._random.uniform(-self._jitter, self._jitter))
