"""Which jobs have calls in flight: a drain lets these finish."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from typing import Any


class Calling:
    """The tasks of jobs that have calls in flight; one job may have several.

    Attributes:
        ending: whether no more calls may begin.
    """

    def __init__(self) -> None:
        self.ending = False
        self._calls: Counter[asyncio.Task[Any]] = Counter()

    @property
    def tasks(self) -> AbstractSet[asyncio.Task[Any]]:
        """The tasks, as they are at any time."""
        return self._calls.keys()

    @contextmanager
    def during(self, work: asyncio.Task[Any]) -> Iterator[None]:
        """A call of this job is in flight within the block."""
        self._calls[work] += 1
        try:
            yield
        finally:
            self._calls[work] -= 1
            if not self._calls[work]:
                del self._calls[work]


def current_work() -> asyncio.Task[Any]:
    """The task that runs now: the work on a job."""
    work = asyncio.current_task()
    assert work is not None  # noqa: S101  this always runs in a task
    return work
