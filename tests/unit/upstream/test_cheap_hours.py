"""Cheap hours of a site: how they are read, and when they begin, in any time zone."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rerankq_worker.upstream.cheap_hours import CheapHours

NIGHT = CheapHours.parse("22:00-06:00", "Asia/Shanghai")
WEEKEND = CheapHours.parse("sat-sun 00:00-24:00, mon-fri 00:30-08:30", "Asia/Shanghai")
BERLIN = CheapHours.parse("02:30-03:30", "Europe/Berlin")


def at(text: str, zone: str = "Asia/Shanghai") -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


def utc(text: str) -> float:
    return at(text, "UTC")


@pytest.mark.parametrize(
    ("hours", "now", "begin"),
    [
        (NIGHT, "2026-03-02T12:00", "2026-03-02T22:00"),
        (NIGHT, "2026-03-02T22:00", "2026-03-02T22:00"),
        (NIGHT, "2026-03-03T05:59", "2026-03-03T05:59"),
        (NIGHT, "2026-03-03T06:00", "2026-03-03T22:00"),
        (WEEKEND, "2026-03-06T08:30", "2026-03-07T00:00"),  # Friday morning to Saturday
        (WEEKEND, "2026-03-08T23:59", "2026-03-08T23:59"),
        (WEEKEND, "2026-03-09T00:10", "2026-03-09T00:30"),  # Monday
    ],
)
def test_when_they_begin(hours: CheapHours, now: str, begin: str) -> None:
    """They begin at their time of the day, on their days; while they are on, it is now."""
    assert hours.next_begin(at(now)) == at(begin)


@pytest.mark.parametrize(
    ("now", "begin"),
    [
        ("2026-06-01T00:00", "2026-06-01T00:30"),  # summer: 02:30 there
        ("2026-12-01T00:00", "2026-12-01T01:30"),  # winter
        ("2026-03-29T00:30", "2026-03-29T01:30"),  # the clock goes from 02:00 to 03:00 there
        ("2026-10-25T00:00", "2026-10-25T00:30"),  # 02:30 comes twice there: from the first
        ("2026-10-25T01:45", "2026-10-25T01:45"),
    ],
)
def test_a_change_of_the_clock(now: str, begin: str) -> None:
    """Hours are those of the site's clock, also on the days on which it changes."""
    assert BERLIN.next_begin(utc(now)) == utc(begin)


@given(
    now=st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1)),  # noqa: DTZ001  the zone follows
    zone=st.sampled_from(["UTC", "Asia/Shanghai", "Europe/Berlin", "America/New_York"]),
    begin=st.integers(0, 23),
    hours=st.integers(2, 12),
)
def test_they_begin_within_a_day(now: datetime, zone: str, begin: int, hours: int) -> None:
    """Hours of each day begin at most a day later, or a day of 25 hours, and are then on."""
    cheap = CheapHours.parse(f"{begin:02}:00-{(begin + hours) % 24:02}:00", zone)
    moment = now.replace(tzinfo=ZoneInfo(zone)).timestamp()
    found = cheap.next_begin(moment)
    assert moment <= found <= moment + timedelta(hours=25).total_seconds()
    assert cheap.next_begin(found) == found


@pytest.mark.parametrize(
    "hours", ["", "22:00", "25:00-26:00", "22:60-23:00", "24:00-06:00", "05:00-05:00", "22-6"]
)
def test_what_is_no_time_of_a_day_is_refused(hours: str) -> None:
    """The message says how to write them."""
    with pytest.raises(ValueError, match=r"write|no time of a day"):
        CheapHours.parse(hours, "UTC")


@pytest.mark.parametrize("zone", ["Nowhere/City", "", "../etc/passwd", "Asia"])
def test_an_unknown_time_zone_is_refused(zone: str) -> None:
    """The message says what a name of a time zone looks like."""
    with pytest.raises(ValueError, match="there is no time zone"):
        CheapHours.parse("22:00-06:00", zone)


def test_people_read_the_time_of_the_site() -> None:
    """A moment is told with day and zone."""
    assert NIGHT.local_time(utc("2026-03-02T14:00")) == "Mon 22:00 Asia/Shanghai"
