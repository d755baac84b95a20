"""Why jobs wait, in words."""

import re
import time
from datetime import datetime, timedelta
from typing import Any, get_args

import pytest

from rerankq.accounts.breakers import BreakerState
from rerankq.client.waiting import reasons
from rerankq.contract import Lane, WaitReason
from rerankq.contract.batch import WaitCode
from running.fake_limits import allotment, breaker

SOON = datetime.now().astimezone().replace(hour=23, minute=59, second=58, microsecond=0)
UNTIL = SOON.timestamp()
ADVICE = "jobs wait meanwhile; see `rerankq upstream status`"


SENTENCES = [
    (
        reasons.held("batch-1"),
        "paused",
        "batch-1 is paused: `rerankq batch resume batch-1` lets its jobs go on",
    ),
    (
        reasons.not_before(UNTIL),
        "not_before",
        "the job is not to run before 23:59:58, as asked for",
    ),
    (
        reasons.not_before(UNTIL, 3),
        "not_before",
        "3 jobs are not to run before 23:59:58, as asked for",
    ),
    (
        reasons.no_worker([Lane.BULK], 10.0),
        "no_worker",
        "no worker has served the lane bulk for 10 seconds: start `rerankq worker`",
    ),
    (
        reasons.no_worker([Lane.BULK, Lane.INTERACTIVE], 10.0),
        "no_worker",
        (
            "no worker has served the lane bulk and the lane interactive for 10 seconds: start "
            "`rerankq worker`"
        ),
    ),
    (
        reasons.retry(UNTIL, "the upstream is out"),
        "retry",
        "the job is tried again at 23:59:58: the upstream is out",
    ),
    (
        reasons.retry(UNTIL, "the upstream is out", 2),
        "retry",
        "2 jobs are tried again, the first at 23:59:58: the upstream is out",
    ),
    (
        reasons.cheap_hours(UNTIL, "the cheap hours of a begin Thu 22:00 UTC"),
        "cheap_hours",
        ("the job waits until 23:59:58, to cost less: the cheap hours of a begin Thu 22:00 UTC"),
    ),
    (reasons.behind(1, Lane.BULK), "behind", "1 other job comes first in the lane bulk"),
    (
        reasons.behind(15_000, Lane.INTERACTIVE),
        "behind",
        "15000 other jobs come first in the lane interactive",
    ),
    (
        reasons.lane_full(Lane.BULK, 100),
        "lane_full",
        (
            "the lane bulk holds 100 jobs (RERANKQ_MAX_QUEUE_DEPTH): the rest of the batch is "
            "added as they end"
        ),
    ),
    (
        reasons.batch_open(7),
        "batch_open",
        "all 7 entries have ended; more may be added until the batch is sealed",
    ),
]


@pytest.mark.parametrize(("reason", "code", "message"), SENTENCES)
def test_each_reason_has_its_sentence(reason: WaitReason, code: str, message: str) -> None:
    """What waits is told by a code for programs and a sentence that says what to do."""
    assert (reason.code, reason.message) == (code, message)


ACCOUNTS: list[tuple[dict[str, Any], tuple[str, str] | None]] = [
    ({}, None),
    ({"wait_ms": 9_999.0}, None),
    ({"mode": "broken", "idle_ms": 60_000.0}, None),
    (
        {"mode": "broken", "cause": "trouble 503"},
        ("breaker_open", "the upstream a fails (trouble 503), and is probed until it works: "),
    ),
    (
        {"wait_ms": 3_600_000.0, "cause": "throttled 429"},
        ("throttled", r"the account a is throttled until [\d-]*\s?\d\d:\d\d"),
    ),
    (
        {"mode": "throttled", "wait_ms": 1_000.0},
        ("throttled", "the account a is throttled, and is probed every few seconds"),
    ),
    (
        {"cut_off": {"w": "no answers"}},
        ("breaker_open", r"other workers can reach the upstream a, but not w \(no answers\)"),
    ),
]


@pytest.mark.parametrize(("fields", "told"), ACCOUNTS)
def test_an_account_out_of_use_is_a_reason(
    fields: dict[str, Any], told: tuple[str, str] | None
) -> None:
    """One that is usable, unused, or only paused for a moment is none."""
    account = allotment(**{"mode": "open", "now": int(time.time() * 1000)} | fields)
    found = reasons.of_upstream({"a": account}, {})
    if told is None:
        assert found == []
        return
    (reason,) = found
    assert (reason.code, reason.account) == (told[0], "a")
    assert re.match(told[1].replace("(trouble 503)", r"\(trouble 503\)"), reason.message)


@pytest.mark.parametrize(
    ("name", "code", "account"),
    [
        ("account a", "breaker_open", "a"),
        ("key host 0a1b2c3d", "key_parked", "key host 0a1b2c3d"),
        ("model host m", "model_parked", "model host m"),
    ],
)
def test_an_open_breaker_is_a_reason(name: str, code: str, account: str) -> None:
    """A doubted one is none: jobs go on."""
    found = reasons.of_upstream({}, {name: breaker()})
    message = f"{name} is parked (no): {ADVICE}"
    assert found == [
        WaitReason.model_validate({"code": code, "message": message, "account": account})
    ]
    assert reasons.of_upstream({}, {name: breaker(BreakerState.DOUBTED)}) == []


def test_nonsense_scores_are_named() -> None:
    """Their code is told with the reason: it leads to its page."""
    (reason,) = reasons.of_upstream({}, {"model host m": breaker(code="nonsense_scores")})
    assert reason.message == f"model host m is parked (nonsense_scores: no): {ADVICE}"


def test_the_most_important_reason_comes_first() -> None:
    """Every code has its place, and what nobody but a person can end is told before a queue."""
    assert sorted(reasons.IMPORTANCE) == sorted(get_args(WaitCode))
    told = [reasons.behind(1, Lane.BULK), reasons.retry(UNTIL, "no"), reasons.held("b")]
    assert [each.code for each in reasons.in_order(told)] == ["paused", "retry", "behind"]


def test_another_day_is_told_with_its_date() -> None:
    """A time of day alone would be read as today's."""
    tomorrow = SOON + timedelta(days=1)
    assert reasons.clock_time(tomorrow.timestamp()).startswith(f"{tomorrow:%Y-%m-%d} 23:59")
