"""The exact sum of amounts in the last seconds, from a log of all amounts."""

import contextlib
from collections import deque

# Time and amount. Plain tuples, which the garbage collector need not visit: with thousands of calls
# a second, visiting so many objects would cost more than the calls.
Charge = tuple[float, int]


class SlidingWindow:
    """The amounts of the last `seconds`; times must not go back."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._log: deque[Charge] = deque()
        self._total = 0

    def __len__(self) -> int:
        return len(self._log)

    def total(self, now: float) -> int:
        """The sum of the amounts in the window that ends now."""
        start = now - self.seconds
        while self._log and self._log[0][0] <= start:
            self._total -= self._log.popleft()[1]
        return self._total

    def add(self, now: float, amount: int) -> Charge:
        """Count an amount."""
        self.total(now)  # drops old amounts: a window that nobody reads must not grow for ever
        charge = (now, amount)
        if amount:
            self._log.append(charge)
            self._total += amount
        return charge

    def void(self, charge: Charge) -> None:
        """Take an amount back, if it is still in the window."""
        if charge[1]:
            with contextlib.suppress(ValueError):  # it has left the window
                self._log.remove(charge)
                self._total -= charge[1]

    def wait(self, now: float, most: int) -> float:
        """Seconds until the total is at most `most`; the whole window if that never happens."""
        left = self.total(now)
        for at, amount in self._log:
            if left <= most:
                break
            left -= amount
            if left <= most:
                return at + self.seconds - now
        return 0.0 if left <= most else self.seconds

    def empties(self, now: float) -> float:
        """Seconds until the window is empty."""
        return self._log[-1][0] + self.seconds - now if self.total(now) else 0.0
