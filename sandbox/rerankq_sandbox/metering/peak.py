"""The fullest window so far, counted by arrivals, refused calls included."""

from typing import Any

from rerankq_sandbox.metering.window import SlidingWindow


class Peak:
    """The fullest window of `seconds`, in calls and in tokens, and the most calls over a limit.

    If the limits changed within a window, the limit at its end counts.
    """

    def __init__(self, seconds: float) -> None:
        self._begin(seconds)

    def _begin(self, seconds: float) -> None:
        self._seconds = seconds
        self._calls = SlidingWindow(seconds)
        self._tokens = SlidingWindow(seconds)
        self._most_calls = 0
        self._most_tokens = 0
        self._limit: float | None = None
        self._most_over = 0.0

    def over(self, seconds: float) -> None:
        """Set the length of the windows; another length resets the counts."""
        if seconds != self._seconds:
            self._begin(seconds)

    def count(self, now: float, tokens: int, limit: float | None) -> None:
        """Count an arrival; `limit` is that of calls in a window."""
        self._calls.add(now, 1)
        self._tokens.add(now, tokens)
        calls = self._calls.total(now)
        self._most_calls = max(self._most_calls, calls)
        self._most_tokens = max(self._most_tokens, self._tokens.total(now))
        self._limit = limit
        if limit is not None:
            self._most_over = max(self._most_over, calls - limit)

    def report(self, now: float) -> dict[str, Any]:
        """The window that ends now, and the fullest so far."""
        return {
            "seconds": self._seconds,
            "calls": self._calls.total(now),
            "peak_calls": self._most_calls,
            "peak_tokens": self._most_tokens,
            "limit": self._limit,
            "peak_over": self._most_over,
        }
