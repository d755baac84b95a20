"""Calls of one query go one after the other, so that a server can use again what it has read.

A server keeps the beginning of the prompts that it read last, which is the query in most templates
("prefix caching" in the documentation of vLLM). The order is changed only among calls that wait
anyway, and never for long, so that no call waits for many others.
"""

from collections.abc import Iterable
from typing import Final

from rerankq_worker.limits.waiter import Waiter

MOST_IN_A_ROW: Final = 8
"""After so many calls of one query, the one that has waited longest has its turn."""


class PrefixOrder:
    """The order in which waiting calls get permits; those that may be shared say their query."""

    def __init__(self) -> None:
        self._last: object = None
        self._in_a_row = 0

    def of(self, waiting: Iterable[Waiter]) -> list[Waiter]:
        """The waiting calls, in the order of their turns."""
        if self._last is None or self._in_a_row >= MOST_IN_A_ROW:
            return list(waiting)
        return sorted(waiting, key=lambda each: each.query != self._last)

    def begins(self, waiter: Waiter) -> None:
        """A call has got its permit."""
        same = waiter.query is not None and waiter.query == self._last
        self._in_a_row = self._in_a_row + 1 if same and self._in_a_row < MOST_IN_A_ROW else 1
        self._last = waiter.query
