"""Retry-After: seconds, a date, or whatever a gateway makes of it."""

import email.utils
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rerankq.contract import RerankRequest
from rerankq_worker.provider import faults
from rerankq_worker.provider.faults import MOST_RETRY_AFTER
from rerankq_worker.upstream import Throttled

NOW = 1_800_000_000.0
REQUEST = RerankRequest(query="a query", documents=("a document",))


@pytest.fixture
def _clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: NOW)


def asked(header: str | None, date: str | None = None) -> float | None:
    error = faults.fault(faults.ErrorAnswer(429, b"", header, date), REQUEST)
    assert isinstance(error, Throttled)
    return error.retry_after


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("0", 0.0), ("7", 7.0), ("1.5", 1.5), (" 7 ", 7.0), ("3600", 3600.0)],
)
def test_seconds_are_read(header: str, seconds: float) -> None:
    """A number is that many seconds."""
    assert asked(header) == seconds


@pytest.mark.usefixtures("_clock")
@pytest.mark.parametrize(("ahead", "seconds"), [(90, 90.0), (-90, 0.0), (86_400, MOST_RETRY_AFTER)])
def test_date_is_read_as_time_from_now(ahead: int, seconds: float) -> None:
    """A date is the time until then: never negative, never more than the most."""
    assert asked(email.utils.formatdate(NOW + ahead, usegmt=True)) == seconds


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("-5", 0.0), ("-inf", 0.0), ("inf", MOST_RETRY_AFTER), ("1e400", MOST_RETRY_AFTER)],
)
def test_absurd_numbers_are_bounded(header: str, seconds: float) -> None:
    """A time before now is now, and no vendor means a week."""
    assert asked(header) == seconds


@pytest.mark.parametrize(
    "header",
    [
        None, "", "soon", "nan", "-nan", "1,5", "Wed", "Wed, 99 Oct 2015 07:28:00 GMT",
        "Wed, 21 Oct 99999 07:28:00 GMT", "Wed, 21 Oct 2015 07:28:00 +99999999999999999999",
    ],
)  # fmt: skip
def test_garbage_is_no_time(header: str | None) -> None:
    """What is neither seconds nor a date says nothing, and breaks nothing."""
    assert asked(header) is None


dates = st.from_regex(r"[A-Z][a-z]{2}, \d{1,2} (Jan|Feb|Oct) \d{1,6} \d\d?:\d\d:\d\d [+-]?\d{1,25}")


@given(st.text(max_size=40) | dates)
def test_any_header_is_read_or_passed_over(header: str) -> None:
    """Whatever the header holds, the outcome is a time within bounds, or none."""
    seconds = asked(header)
    assert seconds is None or 0 <= seconds <= MOST_RETRY_AFTER


def test_a_date_is_meant_by_the_senders_clock() -> None:
    """Between Retry-After and Date of one answer lie so many seconds, whatever our clock says."""
    assert asked("Fri, 01 Jan 2021 00:01:30 GMT", "Fri, 01 Jan 2021 00:00:00 GMT") == 90
