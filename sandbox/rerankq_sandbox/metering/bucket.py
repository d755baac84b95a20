"""A token bucket: a number of calls a second, and a burst."""


class TokenBucket:
    """Holds at most `burst` tokens and regains `per_second`; starts full."""

    def __init__(self, per_second: float, burst: float) -> None:
        self.per_second = per_second
        self.burst = burst
        self._level = burst
        self._at: float | None = None

    def level(self, now: float) -> float:
        """The number of tokens it holds now."""
        if self._at is not None:
            self._level += (now - self._at) * self.per_second
        self._level = min(self.burst, self._level)
        self._at = now
        return self._level

    def change(self, now: float, per_second: float, burst: float) -> None:
        """Apply another rate; its tokens stay, up to the new burst."""
        self.level(now)
        self.per_second, self.burst = per_second, burst

    def wait(self, now: float, amount: float = 1.0) -> float:
        """Seconds until it holds `amount`."""
        return max(0.0, (amount - self.level(now)) / self.per_second)

    def take(self, now: float, amount: float = 1.0) -> None:
        """Take tokens out."""
        self._level = self.level(now) - amount
