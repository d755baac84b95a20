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

from rerankq.monitoring.logs.fields import ABOUT, ENDS, STATES, shared_fields
from rerankq.monitoring.logs.lines import Line

BURST_SECONDS: Final = 60.0
MOST_BURSTS: Final = 500
"""How many kinds of line are tracked at a time; lines of further kinds are always shown."""

_DIFFERS: Final = re.compile(r"(?<=\bjob )\S+|\S*\d\S*")
"""What may differ between similar lines: the id of a job, and any word with a digit."""


@dataclass(slots=True)
class _Burst:
    said: str
    first: Line
    began: float
    record: logging.LogRecord
    more: int = 0

    @property
    def about(self) -> str | None:
        about: str | None = getattr(self.record, ABOUT, None)
        return about

    def closing(self, now: float) -> Iterator[Line]:
        if self.more:
            first = self.first
            said = f"… and {self.more:,} more like it in {now - self.began:.0f} s: {first.said}"
            fields = {**shared_fields(self.record), "more": self.more} if first.fields else {}
            yield Line(first.level, said, first.logger, fields)


class Bursts:
    """Tells the first line of a kind from those that follow within a minute."""

    def __init__(self) -> None:
        self._bursts: dict[object, _Burst] = {}

    def shown(self, record: logging.LogRecord, line: Line, now: float) -> list[Line]:
        """The lines to show for a record; none if the burst's first line has said the same.

        Args:
            record: the record.
            line: its line.
            now: the time in seconds, by a monotonic clock.
        """
        if ended := getattr(record, ENDS, None):
            closing = self._end(now, lambda burst: burst.about == ended)
            return [*closing, line]
        kind, said = _kind(record, line.said)
        burst = self._bursts.get(kind)
        if burst and burst.said == said:
            burst.more += 1
            return []
        if burst or len(self._bursts) < MOST_BURSTS:
            self._bursts[kind] = _Burst(said, line, now, record)
        return [*(burst.closing(now) if burst else ()), line]

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
    if record.name.endswith(f".{STATES}") and record.args and not failed:
        return (record.name, _arguments(record)[0]), line
    said = _DIFFERS.sub("#", line)
    return (record.name, record.levelno, said), said


def _arguments(record: logging.LogRecord) -> tuple[object, ...]:
    return record.args if isinstance(record.args, tuple) else (record.args,)
