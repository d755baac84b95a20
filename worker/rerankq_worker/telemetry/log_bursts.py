"""One line for a burst of like lines: the first at once, then how many more there were.

An outage of the upstream fails a thousand jobs a second in the same way: the second line tells
nothing, and the log is full. What stands and falls (an account, a key, a model) is another matter:
each change of it is shown, and only a repetition of what was said last is not.
"""

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from rerankq_worker.telemetry.event_log import STATES

BURST_SECONDS: Final = 60.0
MOST_BURSTS: Final = 500
"""Kinds of line that are told apart at a time; what comes beyond that is shown as it is."""

_DIFFERS: Final = re.compile(r"(?<=\bjob )\S+|\S*\d\S*")
"""What differs between like lines: the id of a job, and whatever has a digit."""

Line = tuple[int, str]
"""A level, and what is said."""


@dataclass(slots=True)
class _Burst:
    said: str
    first: Line
    began: float
    more: int = 0

    def closing(self, now: float) -> Iterator[Line]:
        if self.more:
            level, line = self.first
            yield level, f"… and {self.more:,} more like it in {now - self.began:.0f} s: {line}"


class Bursts:
    """Tells the first line of its kind from those that follow within a minute."""

    def __init__(self) -> None:
        self._bursts: dict[object, _Burst] = {}

    def shown(self, record: logging.LogRecord, line: str, now: float) -> list[Line]:
        """What is to be shown now that a record came: nothing, when others have told it.

        Args:
            record: what came.
            line: what it says.
            now: seconds, by a clock that never goes back.
        """
        kind, said = _kind(record, line)
        burst = self._bursts.get(kind)
        if burst and burst.said == said:
            burst.more += 1
            return []
        if burst or len(self._bursts) < MOST_BURSTS:
            self._bursts[kind] = _Burst(said, (record.levelno, line), now)
        return [*(burst.closing(now) if burst else ()), (record.levelno, line)]

    def over(self, now: float, *, at_least: float) -> list[Line]:
        """How many more there were, for each burst that is so many seconds old by now."""
        old = {kind: burst for kind, burst in self._bursts.items() if now - burst.began >= at_least}
        for kind in old:
            del self._bursts[kind]
        return [closing for burst in old.values() for closing in burst.closing(now)]


def _kind(record: logging.LogRecord, line: str) -> tuple[object, str]:
    """What is compared, and what it says."""
    failed = any(isinstance(each, BaseException) for each in _arguments(record))
    if record.name.startswith(STATES) and record.args and not failed:
        return (record.name, _arguments(record)[0]), line
    said = _DIFFERS.sub("#", line)
    return (record.name, record.levelno, said), said


def _arguments(record: logging.LogRecord) -> tuple[object, ...]:
    return record.args if isinstance(record.args, tuple) else (record.args,)
