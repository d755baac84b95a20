"""The sum of amounts over the last seconds, exactly: a sliding log."""

from collections import deque
from dataclasses import dataclass


@dataclass(slots=True)
class Charge:
    """An amount in a window; `void` takes it back."""

    at: float
    amount: int


class SlidingWindow:
    """Amounts of the last `seconds`; times never go back."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._log: deque[Charge] = deque()
        self._total = 0

    def total(self, now: float) -> int:
        """The sum of what lies within the window that ends now."""
        start = now - self.seconds
        while self._log and self._log[0].at <= start:
            self._total -= self._log.popleft().amount
        return self._total

    def add(self, now: float, amount: int) -> Charge:
        """Count an amount."""
        charge = Charge(now, amount)
        if amount:
            self._log.append(charge)
            self._total += amount
        return charge

    def void(self, charge: Charge) -> None:
        """Take a charge back, if it still counts."""
        if self._log and charge.at >= self._log[0].at:
            self._total -= charge.amount
        charge.amount = 0

    def wait(self, now: float, most: int) -> float:
        """Seconds until the total is at most `most`; the whole window if that never happens."""
        left = self.total(now)
        for charge in self._log:
            if left <= most:
                break
            left -= charge.amount
            if left <= most:
                return charge.at + self.seconds - now
        return 0.0 if left <= most else self.seconds

    def empties(self, now: float) -> float:
        """Seconds until nothing is in it any more."""
        return self._log[-1].at + self.seconds - now if self.total(now) else 0.0
