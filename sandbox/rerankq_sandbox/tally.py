"""Counts of calls: how many, how they ended, and how many at a time."""

from collections import Counter
from typing import Any


class Tally:
    """Counts calls that begin and end."""

    def __init__(self) -> None:
        self._in_flight = 0
        self.forget()

    def forget(self) -> None:
        """Reset the counts; calls in flight stay counted as such."""
        self._requests = 0
        self._dropped = 0
        self._by_status: Counter[int] = Counter()
        self._by_fault: Counter[str] = Counter()
        self._max_in_flight = self._in_flight

    def arrived(self) -> None:
        """Count a call that begins."""
        self._requests += 1
        self._in_flight += 1
        self._max_in_flight = max(self._max_in_flight, self._in_flight)

    def ended(self, status: int | None, fault: str | None) -> None:
        """Count a call's end; no status means that no complete answer was sent."""
        self._in_flight -= 1
        if status is None:
            self._dropped += 1
        else:
            self._by_status[status] += 1
        if fault is not None:
            self._by_fault[fault] += 1

    def report(self) -> dict[str, Any]:
        """The counts."""
        return {
            "requests": self._requests,
            "answered": self._by_status.total(),
            "dropped": self._dropped,
            "by_status": {str(status): count for status, count in sorted(self._by_status.items())},
            "by_fault": dict(sorted(self._by_fault.items())),
            "in_flight": self._in_flight,
            "max_in_flight": self._max_in_flight,
        }
