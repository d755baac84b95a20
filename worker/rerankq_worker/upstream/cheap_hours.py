"""The hours in which a site costs less: read from text, and when they begin next.

They are written as `22:00-06:00`, several separated by commas, each with days if it is not for all
of them: `22:00-06:00, sat-sun 00:00-24:00`. The days are those on which the hours begin. Times are
those of the site's time zone, with its changes between winter and summer.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Annotated, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator

UTC_NAME: Final = "UTC"
_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY: Final = "|".join(_DAYS)
_SPAN: Final = re.compile(
    rf"(?:({_DAY})(?:-({_DAY}))? +)?(\d\d):(\d\d) *- *(\d\d):(\d\d)", re.IGNORECASE | re.ASCII
)
_DAY_MINUTES: Final = 24 * 60
_LOOK_AHEAD: Final = range(-1, 8)
"""Days from today: the hours of yesterday may go on, and each day of the week comes once more."""


@dataclass(frozen=True, slots=True)
class Span:
    """Some hours of some days.

    Attributes:
        days: on which they begin; Monday is 0.
        begin: minutes of the day.
        minutes: how long they last, on a day without a change of the clock.
    """

    days: frozenset[int]
    begin: int
    minutes: int


@dataclass(frozen=True, slots=True)
class CheapHours:
    """The cheap hours of a site.

    Attributes:
        spans: when they are.
        zone: the time zone in which they are written.
    """

    spans: tuple[Span, ...]
    zone: ZoneInfo

    @classmethod
    def parse(cls, hours: str, zone: str) -> "CheapHours":
        """Read them.

        Args:
            hours: as above.
            zone: the IANA name of a time zone, such as Asia/Shanghai.

        Raises:
            ValueError: it cannot be read; says why.
        """
        return cls(tuple(_span(each.strip()) for each in hours.split(",")), _zone(zone))

    def next_begin(self, now: float) -> float:
        """When they are on next; `now` if they are on. Both are in Unix seconds."""
        soonest = [max(begin, now) for begin, end in self._around(now) if end > now]
        return min(soonest)

    def local_time(self, moment: float) -> str:
        """A moment in Unix seconds as people at the site read it, with the zone."""
        return f"{datetime.fromtimestamp(moment, self.zone):%a %H:%M} {self.zone.key}"

    def _around(self, now: float) -> Iterator[tuple[float, float]]:
        today = datetime.fromtimestamp(now, self.zone).date()
        for days in _LOOK_AHEAD:
            day = today + timedelta(days=days)
            for span in self.spans:
                if day.weekday() in span.days:
                    yield (
                        self._moment(day, span.begin, fold=0),
                        # In an hour that a change of the clock repeats, they go on.
                        self._moment(day, span.begin + span.minutes, fold=1),
                    )

    def _moment(self, day: date, minutes: int, *, fold: int) -> float:
        later, minute = divmod(minutes, _DAY_MINUTES)
        clock = time(*divmod(minute, 60), fold=fold)
        return datetime.combine(day + timedelta(days=later), clock, self.zone).timestamp()


def _span(text: str) -> Span:
    found = _SPAN.fullmatch(text)
    if not found:
        raise ValueError("write them as 22:00-06:00, or with days, as sat-sun 00:00-24:00")
    begin, end = _minutes(found[3], found[4]), _minutes(found[5], found[6])
    if begin in {_DAY_MINUTES, end}:
        raise ValueError(f"{text} is no time of a day: write a whole day as 00:00-24:00")
    first = _DAYS.index(found[1].lower()) if found[1] else 0
    last = _DAYS.index((found[2] or found[1]).lower()) if found[1] else len(_DAYS) - 1
    count = (last - first) % len(_DAYS) + 1
    days = frozenset((first + each) % len(_DAYS) for each in range(count))
    return Span(days, begin, end - begin if end > begin else end - begin + _DAY_MINUTES)


def _minutes(hours: str, minutes: str) -> int:
    found = 60 * int(hours) + int(minutes)
    if int(minutes) >= 60 or found > _DAY_MINUTES:  # noqa: PLR2004  minutes of an hour
        raise ValueError(f"{hours}:{minutes} is no time of a day")
    return found


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(
            f"there is no time zone {name[:64]}: use a name such as Asia/Shanghai or Europe/Berlin"
        ) from None


def _readable(hours: str) -> str:
    CheapHours.parse(hours, UTC_NAME)
    return hours


def _known(zone: str) -> str:
    _zone(zone)
    return zone


HoursText = Annotated[str, AfterValidator(_readable)]
ZoneName = Annotated[str, AfterValidator(_known)]
