"""Shows the first of many similar lines at once, and later how many more there were.

In an outage of the upstream a thousand jobs a second fail in the same way: the second line tells
nothing new, and all of them would fill the log. Changes of state (of an account, a key, a model)
are all shown, except a line that repeats the last one. When trouble is over, what is still to be
said of it is said before that: later it would look as if the trouble went on.
"""

import logging
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from rerankq_worker.telemetry.event_log import ABOUT, ENDS, STATES

BURST_SECONDS: Final = 60.0
MOST_BURSTS: Final = 500
"""How many kinds of line are tracked at a time; lines of further kinds are always shown."""

_DIFFERS: Final = re.compile(r"(?<=\bjob )\S+|\S*\d\S*")
"""What may differ between similar lines: the id of a job, and any word with a digit."""

Line = tuple[int, str]
"""A level, and what is said."""


@dataclass(slots=True)
class _Burst:
    said: str
    first: Line
    began: float
    about: str | None = None
    more: int = 0

    def closing(self, now: float) -> Iterator[Line]:
        if self.more:
            level, line = self.first
            yield level, f"… and {self.more:,} more like it in {now - self.began:.0f} s: {line}"


class Bursts:
    """Tells the first line of a kind from those that follow within a minute."""

    def __init__(self) -> None:
        self._bursts: dict[object, _Burst] = {}

    def shown(self, record: logging.LogRecord, line: str, now: float) -> list[Line]:
        """The lines to show for a record; none if the burst's first line has said the same.

        Args:
            record: the record.
            line: its text.
            now: the time in seconds, by a monotonic clock.
        """
        if ended := getattr(record, ENDS, None):
            closing = self._end(now, lambda burst: burst.about == ended)
            return [*closing, (record.levelno, line)]
        kind, said = _kind(record, line)
        burst = self._bursts.get(kind)
        if burst and burst.said == said:
            burst.more += 1
            return []
        if burst or len(self._bursts) < MOST_BURSTS:
            self._bursts[kind] = _Burst(
                said, (record.levelno, line), now, about=getattr(record, ABOUT, None)
            )
        return [*(burst.closing(now) if burst else ()), (record.levelno, line)]

    def over(self, now: float, *, at_least: float) -> list[Line]:
        """End each burst that is `at_least` seconds old; returns how many more lines each had."""
        return self._end(now, lambda burst: now - burst.began >= at_least)

    def _end(self, now: float, is_over: Callable[[_Burst], bool]) -> list[Line]:
        over = {kind: burst for kind, burst in self._bursts.items() if is_over(burst)}
        for kind in over:
            del self._bursts[kind]
        return [closing for burst in over.values() for closing in burst.closing(now)]


def _kind(record: logging.LogRecord, line: str) -> tuple[object, str]:
    """The kind of a line, and the text that must be equal for it to count as a repetition."""
    failed = any(isinstance(each, BaseException) for each in _arguments(record))
    if record.name.startswith(STATES) and record.args and not failed:
        return (record.name, _arguments(record)[0]), line
    said = _DIFFERS.sub("#", line)
    return (record.name, record.levelno, said), said


def _arguments(record: logging.LogRecord) -> tuple[object, ...]:
    return record.args if isinstance(record.args, tuple) else (record.args,)
