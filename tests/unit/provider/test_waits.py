"""Retry-After and x-ratelimit-*: seconds, dates and gateways' own forms."""

import email.utils
import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rerankq_worker.provider import waits
from rerankq_worker.provider.waits import MOST_SECONDS

NOW = 1_800_000_000.0


@pytest.fixture
def _clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: NOW)


def asked(header: str | None, date: str | None = None) -> float | None:
    headers = {"retry-after": header, "date": date}
    return waits.retry_after({name: value for name, value in headers.items() if value is not None})


def paused(reset: str, what: str = "-requests", family: str = "x-ratelimit") -> float | None:
    return waits.pause({f"{family}-remaining{what}": "0", f"{family}-reset{what}": reset})


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("0", 0.0), ("7", 7.0), ("1.5", 1.5), (" 7 ", 7.0), ("3600", 3600.0)],
)
def test_seconds_are_read(header: str, seconds: float) -> None:
    """A number means seconds."""
    assert asked(header) == seconds


@pytest.mark.usefixtures("_clock")
@pytest.mark.parametrize(("ahead", "seconds"), [(90, 90.0), (-90, 0.0), (86_400, MOST_SECONDS)])
def test_date_is_read_as_time_from_now(ahead: int, seconds: float) -> None:
    """A date means the time until then, from zero to the maximum."""
    assert asked(email.utils.formatdate(NOW + ahead, usegmt=True)) == seconds


@pytest.fixture
def _far_zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Asia/Shanghai")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("_clock", "_far_zone")
@pytest.mark.parametrize(
    "form", ["%a %b %d %H:%M:%S %Y", "%a, %d %b %Y %H:%M:%S -0000", "%Y-%m-%dT%H:%M:%S"]
)
def test_a_date_without_a_zone_is_utc(form: str) -> None:
    """The time zone of this machine does not count: a date without a zone is in UTC."""
    assert asked(time.strftime(form, time.gmtime(NOW + 90))) == 90.0


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("-5", 0.0), ("-inf", 0.0), ("inf", MOST_SECONDS), ("1e400", MOST_SECONDS)],
)
def test_absurd_numbers_are_bounded(header: str, seconds: float) -> None:
    """A negative time counts as zero, and a very long one as the maximum."""
    assert asked(header) == seconds


@pytest.mark.parametrize(
    "header",
    [
        None, "", "soon", "nan", "-nan", "1,5", "Wed", "Wed, 99 Oct 2015 07:28:00 GMT",
        "Wed, 21 Oct 99999 07:28:00 GMT", "Wed, 21 Oct 2015 07:28:00 +99999999999999999999",
    ],
)  # fmt: skip
def test_garbage_is_no_time(header: str | None) -> None:
    """A header that is neither seconds nor a date is ignored."""
    assert asked(header) is None


dates = st.from_regex(r"[A-Z][a-z]{2}, \d{1,2} (Jan|Feb|Oct) \d{1,6} \d\d?:\d\d:\d\d [+-]?\d{1,25}")


@given(st.text(max_size=40) | dates)
def test_any_header_is_read_or_ignored(header: str) -> None:
    """Any header gives a time within bounds, or none."""
    seconds = asked(header)
    assert seconds is None or 0 <= seconds <= MOST_SECONDS


def test_a_date_is_read_by_the_senders_clock() -> None:
    """The wait is the time from Date to Retry-After, even if the local clock is wrong."""
    assert asked("Fri, 01 Jan 2021 00:01:30 GMT", "Fri, 01 Jan 2021 00:00:00 GMT") == 90


@pytest.mark.parametrize(
    ("reset", "seconds"),
    [
        ("1s", 1.0),
        ("6m0s", 360.0),
        ("20ms", 0.02),
        ("1h23m31s", MOST_SECONDS),
        ("33.023s", 33.023),
        ("12", 12.0),
        ("0", 0.0),
        ("soon", None),
        ("6m and a bit", None),
        ("", None),
    ],
)
def test_reset_is_read_in_every_form(reset: str, seconds: float | None) -> None:
    """A reset is a duration with units, or seconds; anything else is ignored."""
    assert paused(reset) == seconds


@pytest.mark.usefixtures("_clock")
@pytest.mark.parametrize(
    "reset",
    [
        f"{NOW + 90:.0f}",
        f"{(NOW + 90) * 1000:.0f}",
        "2027-01-15T08:01:30Z",
        email.utils.formatdate(NOW + 90, usegmt=True),
    ],
)
def test_reset_may_be_a_moment(reset: str) -> None:
    """A reset in Unix seconds, in milliseconds or as a date is the time until then."""
    assert paused(reset) == 90


@pytest.mark.parametrize("family", ["x-ratelimit", "ratelimit"])
@pytest.mark.parametrize("what", ["-requests", "-tokens", ""])
def test_each_allowance_counts(family: str, what: str) -> None:
    """An allowance of requests, of tokens or without a name asks for a pause if it is used up."""
    assert paused("5", what, family) == 5


def test_pause_lasts_until_all_allowances_are_renewed() -> None:
    """Of two used-up allowances the longer pause counts; one that is not used up never counts."""
    headers = {
        "x-ratelimit-remaining-requests": "0",
        "x-ratelimit-reset-requests": "2s",
        "x-ratelimit-remaining-tokens": "0",
        "x-ratelimit-reset-tokens": "6s",
    }
    assert waits.pause(headers) == 6
    assert waits.pause(headers | {"x-ratelimit-remaining-tokens": "1"}) == 2
    assert waits.pause({}) is None
    assert waits.pause({"x-ratelimit-remaining-requests": "0"}) is None


@pytest.mark.parametrize("name", ["retry-after-ms", "x-ms-retry-after-ms"])
def test_milliseconds_say_it_more_exactly(name: str) -> None:
    """Milliseconds take precedence over seconds, unless they cannot be read."""
    assert waits.retry_after({name: "250", "retry-after": "1"}) == 0.25
    assert waits.retry_after({name: "soon", "retry-after": "1"}) == 1
    assert waits.retry_after({name: "1e12"}) == MOST_SECONDS


@pytest.mark.usefixtures("_clock")
@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"x-ratelimit-reset": "20"}, 20),
        ({"x-rate-limit-reset": f"{NOW + 20:.0f}"}, 20),
        ({"x-ratelimit-reset-requests": "1m30s", "x-ratelimit-reset-tokens": "20 ms"}, 90),
        ({"ratelimit-reset": "20"}, 20),
        ({"ratelimit": '"default";r=0;t=20'}, 20),
        ({"ratelimit": "default;t=20"}, 20),
        ({"ratelimit": '"minute";r=0;t=20, "day";r=9;t=999'}, 20),
        ({"ratelimit": "limit=9, remaining=0, reset=20"}, 20),
        ({"ratelimit": '"default";r=1;t=20'}, None),
        ({"x-ratelimit-remaining": "1", "x-ratelimit-reset": "20"}, None),
        ({"x-ratelimit-remaining": "0.0", "x-ratelimit-reset": "20"}, 20),
        ({"ratelimit": "nonsense;;=,t="}, None),
    ],
)
def test_a_429_says_when_it_is_over(headers: dict[str, str], seconds: float | None) -> None:
    """With a 429 each reset counts, unless its allowance still has something left."""
    assert waits.pause(headers, throttled=True) == seconds


@pytest.mark.parametrize(
    ("words", "seconds"),
    [
        ("Rate limit reached. Please try again in 20s. Visit https://x/y", 20),
        ("Please try again in 1m30.5s.", 90.5),
        ("Please retry after 20 seconds.", 20),
        ("Try again in 2 minutes 5 seconds", 125),
        ("please wait 500 milliseconds", 0.5),
        ("You may retry in about 1 hour", MOST_SECONDS),
        ("quota resets in 30 secs", 30),
        ("请求过于频繁\uff0c请 30 秒后重试", 30),
        ("请2分钟后再试", 120),
        ("请1.5小时之后再试", MOST_SECONDS),
        ("try again in 3 apples", None),
        ("try again later", None),
        ("we answered 20 seconds ago", None),
        ("retry after 20", None),
    ],
)
def test_a_wait_in_words_is_read(words: str, seconds: float | None) -> None:
    """If a message names a time to come back, that is the wait."""
    assert waits.window(words) == seconds


@given(
    st.text(max_size=60) | st.from_regex(r"(try again|retry|wait) .{0,9}[0-9.]{1,9} ?[a-z]{1,9}")
)
def test_any_message_gives_a_wait_or_none(words: str) -> None:
    """Any message gives a wait within bounds, or none."""
    seconds = waits.window(words)
    assert seconds is None or 0 <= seconds <= MOST_SECONDS


@given(st.text(max_size=40) | dates | st.integers().map(str) | st.floats().map(str))
def test_any_reset_is_read_or_ignored(reset: str) -> None:
    """Any reset header gives a pause within bounds, or none."""
    seconds = paused(reset)
    assert seconds is None or 0 <= seconds <= MOST_SECONDS
