"""Checks run side by side: a slow or a broken one hides no other."""

import asyncio
import os
import threading
import time
from collections.abc import Sequence
from functools import partial

import pytest

from rerankq.doctor.blocking import in_thread
from rerankq.doctor.check import Check, SetUp
from rerankq.doctor.examination import Examined, examine, worst
from rerankq.doctor.finding import (
    NOT_CHECKED,
    CannotCheckError,
    Finding,
    Level,
    fault,
    note,
    ok,
    split,
    warning,
)
from rerankq.doctor.redis_access import RedisAccess
from rerankq.errors import LedgerUnavailable

SECRET = "a document of a user"  # noqa: S105 - what must not be shown


def run(*checks: Check) -> list[Examined]:
    set_up = SetUp(os.environ, ".env", calls=False, redis=RedisAccess(".env"))
    return asyncio.run(examine(checks, set_up))


async def found(findings: Sequence[Finding], _: SetUp) -> Sequence[Finding]:
    return findings


async def raised(error: Exception, _: SetUp) -> Sequence[Finding]:
    raise error


async def hangs(_: SetUp) -> Sequence[Finding]:
    await asyncio.Event().wait()
    return []


WELL = Check("well", partial(found, [ok("fine", "all is well")]))


@pytest.mark.parametrize(
    ("error", "code", "level"),
    [
        (ValueError(SECRET), "check_broken", Level.FAULT),
        (CannotCheckError("there is no such thing"), NOT_CHECKED, Level.NOTE),
        (LedgerUnavailable("Redis is away"), NOT_CHECKED, Level.NOTE),
    ],
)
def test_a_check_that_fails_hides_no_other(error: Exception, code: str, level: Level) -> None:
    """It becomes a finding of its own, which quotes no message of a foreign error."""
    failed, well = run(Check("failed", partial(raised, error)), WELL)
    assert [(each.code, each.level) for each in failed.findings] == [(code, level)]
    assert SECRET not in str(failed)
    assert well.findings[0].code == "fine"


def test_a_check_that_hangs_ends_in_its_time() -> None:
    """Its time limit holds, and the others wait for no longer than that."""
    slow, well = run(Check("slow", hangs, seconds=0.05), WELL)
    assert slow.findings[0].code == "check_too_slow"
    assert well.check == "well"


def test_a_thread_that_hangs_does_not_keep_the_program() -> None:
    """What blocks for ever blocks neither the other checks nor the end."""
    over = threading.Event()

    async def blocked(_: SetUp) -> Sequence[Finding]:
        await in_thread(lambda: over.wait(60))
        return []

    began = time.monotonic()
    slow, _ = run(Check("blocked", blocked, seconds=0.05), WELL)
    assert slow.findings[0].code == "check_too_slow"
    assert time.monotonic() - began < 30
    over.set()


def test_a_thread_gives_its_result_and_its_error() -> None:
    """What the function returns or raises reaches the check."""
    assert asyncio.run(in_thread(lambda: 7)) == 7
    with pytest.raises(ZeroDivisionError):
        asyncio.run(in_thread(lambda: 1 // 0))


def test_a_finding_is_told_once() -> None:
    """Two packages may read the same wrong setting; it is one finding. Not so what is unchecked."""
    same = [fault("setting_wrong", "RERANKQ_X is wrong", "correct it")]
    unchecked = [note(NOT_CHECKED, "no Redis")]
    examined = run(
        Check("one", partial(found, same)),
        Check("two", partial(found, same)),
        Check("three", partial(found, unchecked)),
        Check("four", partial(found, unchecked)),
    )
    assert [each.check for each in examined] == ["one", "three", "four"]


def test_the_worst_level_counts() -> None:
    """A fault is worse than a warning, that than a note, and nothing is well."""
    levels = [ok("a", "b"), note("a", "b"), warning("a", "b", "c"), fault("a", "b", "c")]
    told = [worst([Examined("x", tuple(levels[:n]))]) for n in range(5)]
    assert told == [Level.OK, Level.OK, Level.NOTE, Level.WARNING, Level.FAULT]
    assert sorted(Level, key=lambda each: each.rank) == list(Level)


def test_a_message_of_this_project_is_split_into_what_and_what_to_do() -> None:
    """They are separated by the first colon with a blank: an address has none."""
    told = split("Redis at 127.0.0.1:6379 cannot be reached: start it, or set RERANKQ_REDIS_URL")
    assert told == (
        "Redis at 127.0.0.1:6379 cannot be reached",
        "start it, or set RERANKQ_REDIS_URL",
    )
