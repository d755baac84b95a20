"""Which jobs wait for cheap hours, and for how long."""

import asyncio
from typing import Any

from rerankq.contract import Job, Lane
from rerankq.errors import LedgerUnavailable
from rerankq.ledger.failures import CHEAP_HOURS
from rerankq_worker.jobs.cheap_hours import ASK_AGAIN_SECONDS, CheapHoursWait, CostsLessLaterError
from rerankq_worker.jobs.retry import RetryAfter
from rerankq_worker.upstream.cheap_hours import CheapHours
from rerankq_worker.upstream.sites import Site

NOON = 1_767_268_800.0  # 2026-01-01T12:00Z
HOUR = 3600.0


def site(name: str, hours: str | None = "22:00-06:00", **more: Any) -> Site:
    cheap = CheapHours.parse(hours, "UTC") if hours else None
    return Site(name, f"http://{name}/", "dmxapi", (), cheap_hours=cheap, **more)


def job(**fields: Any) -> Job:
    return Job.parse({"id": "j", "request": {"query": "q", "documents": ["d"]}, **fields})


def decided(
    given: Job,
    *sites: Site,
    deadline: float | Exception | None = None,
    age: float = 0.0,
    give_up: float = 24 * HOUR,
) -> RetryAfter | frozenset[str]:
    async def deadline_of(_: str) -> float | None:
        if isinstance(deadline, Exception):
            raise deadline
        return deadline

    waits = CheapHoursWait(
        sites, deadline_of=deadline_of, now=lambda: NOON, margin=HOUR, give_up=give_up
    )
    try:
        return asyncio.run(waits.dear_sites(given, attempts=2, age=age))
    except CostsLessLaterError as error:
        return error.until


def test_a_bulk_job_waits_until_they_begin() -> None:
    """It uses no attempt, and its record says what it waits for."""
    found = decided(job(), site("a"))
    assert isinstance(found, RetryAfter)
    assert (found.seconds, found.attempts) == (10 * HOUR, 2)
    assert found.failure
    assert found.failure.code == CHEAP_HOURS
    assert found.failure.message == "the cheap hours of a begin Thu 22:00 UTC"


def test_it_waits_for_the_site_whose_hours_begin_first() -> None:
    """With several sites, the first of the hours count; sites of other models do not."""
    others = site("c", None, models={"another": "another"})
    found = decided(job(), site("a"), site("b", "18:00-19:00"), others)
    assert isinstance(found, RetryAfter)
    assert found.seconds == 6 * HOUR


def test_an_interactive_job_never_waits() -> None:
    """It goes to any site at any hour."""
    assert decided(job(lane=Lane.INTERACTIVE), site("a")) == frozenset()


def test_a_job_runs_while_they_are_on() -> None:
    """So does one whose sites always cost the same."""
    assert decided(job(), site("a", "11:00-13:00")) == frozenset()
    assert decided(job(), site("a", None)) == frozenset()


def test_a_site_that_is_cheap_now_is_used_in_place_of_one_that_is_not() -> None:
    """The job does not wait, and the dear site is named."""
    assert decided(job(), site("a"), site("b", None)) == frozenset({"a"})
    assert decided(job(), site("a"), site("b", "11:00-13:00")) == frozenset({"a"})


def test_a_deadline_that_presses() -> None:
    """A job runs at once if less than the margin would be left, by its deadline or its batch's."""
    for fields in ({"deadline_seconds": 12 * HOUR}, {"batch_id": "b"}):
        in_time = decided(job(**fields), site("a"), deadline=NOON + 11 * HOUR)
        assert isinstance(in_time, RetryAfter)
        pressing = decided(job(**fields), site("a"), deadline=NOON + 11 * HOUR - 1)
        assert pressing == frozenset()
        beside = decided(job(**fields), site("a"), site("b", None), deadline=NOON + HOUR)
        assert beside == frozenset()


def test_no_job_waits_beyond_the_age_at_which_it_is_given_up() -> None:
    """After its wait a job can be tried again for as long as the margin says."""
    assert isinstance(decided(job(), site("a"), age=13 * HOUR), RetryAfter)
    assert decided(job(), site("a"), age=13 * HOUR + 1) == frozenset()


def test_a_deadline_that_cannot_be_read() -> None:
    """The job is looked at again soon: nothing is known against its waiting, and nothing for it."""
    away = LedgerUnavailable("Redis is away")
    found = decided(job(batch_id="b"), site("a"), deadline=away)
    assert found == RetryAfter(ASK_AGAIN_SECONDS, 2)
