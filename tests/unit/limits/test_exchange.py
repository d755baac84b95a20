"""When a worker asks Redis for permits: as rarely as possible, as soon as needed."""

import asyncio
import math
from collections.abc import Callable

import pytest

from rerankq.accounts.accounts import Allotment, Limits
from rerankq.errors import LedgerUnavailable
from rerankq.events import BreakerClosed, BreakerOpened, Events, LimitFound, LimitsDiffer
from rerankq_worker.limits import exchange
from rerankq_worker.limits.exchange import (
    AWAY_SECONDS,
    LOOK_SECONDS,
    SOON_SECONDS,
    URGENT_SECONDS,
    Exchange,
)
from rerankq_worker.limits.permit import Demand
from rerankq_worker.limits.permits import Permits
from running.fake_limits import NO_LIMITS, Clock, FakeAccounts, allotment, permits
from running.heard import heard

AWAY = LedgerUnavailable("Redis is away")
NOTHING = Demand(0, 0)


def made(
    held: Permits,
    *,
    waiting: int = 0,
    accounts: FakeAccounts | None = None,
    events: Events | None = None,
    clock: Callable[[], float] | None = None,
    asked_at: float = -math.inf,
) -> tuple[Exchange, list[Allotment | None]]:
    """An exchange, and the answers that it gets."""
    heard: list[Allotment | None] = []
    asking = Exchange(
        accounts or FakeAccounts(allotment()),
        held,
        worker="w",
        demand=lambda: Demand(waiting, 10.0 * waiting),
        heard=heard.append,
        events=events,
        clock=clock,
        asked_at=asked_at,
    )
    return asking, heard


def due(held: Permits, *, waiting: int = 0) -> float:
    """Seconds from an exchange just made to the next."""
    asking, _ = made(held, waiting=waiting, asked_at=0.0)
    return asking.due()


def given(came: Allotment, *, want: int = 5, limits: Limits = NO_LIMITS) -> Permits:
    """Permits that came when `want` of them were asked for."""
    held = permits(limits)
    held.report(Demand(want, 0))
    held.receive(came)
    return held


def test_idle_worker_does_not_ask() -> None:
    """A worker with nothing to do and nothing to report makes no exchange."""
    assert due(given(allotment())) == math.inf
    assert due(permits()) == math.inf


def test_first_work_asks_at_once() -> None:
    """A worker that has never asked does so at once."""
    assert due(permits(), waiting=1) == 0


def test_a_worker_usually_asks_again_after_the_given_time() -> None:
    """A worker that got what it wanted, or all there was, asks again after the given time."""
    assert due(given(allotment(permits=5, ask_ms=700)), waiting=1) == 0.7
    assert due(given(allotment(permits=0, ask_ms=700)), waiting=1) == 0.7


def test_used_up_is_fetched_soon() -> None:
    """When Redis gave all that was wanted, and it is used up, more is fetched soon."""
    held = given(allotment(permits=1, ask_ms=700), want=1)
    held.take(1, retry=False)
    assert due(held, waiting=1) == SOON_SECONDS


def test_trouble_is_reported_soon() -> None:
    """A 429 or a failure is reported soon."""
    held = given(allotment(permits=5, ask_ms=700))
    held.was_throttled(None)
    assert due(held) == URGENT_SECONDS


@pytest.mark.parametrize(
    ("wait_ms", "seconds"), [(0, URGENT_SECONDS), (400, 0.4), (60_000, LOOK_SECONDS)]
)
def test_paused_account_is_asked_about_when_it_is_usable(wait_ms: float, seconds: float) -> None:
    """A worker with jobs for it asks when the account is usable again, or every two seconds."""
    paused = allotment(mode="throttled", wait_ms=wait_ms, ask_ms=10)
    assert due(given(paused), waiting=1) == seconds


def test_holder_of_slots_shows_that_it_lives() -> None:
    """While only long calls are in flight, the worker shows Redis that it is alive."""
    held = given(allotment(permits=1, slots=1), want=1, limits=Limits(concurrency=1))
    held.take(1, retry=False)
    held.report(NOTHING)
    held.receive(allotment(slots=1))
    assert due(held) == LOOK_SECONDS


def test_idle_worker_gives_its_slots_back() -> None:
    """Unused slots are given back once; after that the worker asks no more."""
    held = given(allotment(slots=3), limits=Limits(concurrency=3))
    assert due(held) == LOOK_SECONDS
    held.receive(allotment(slots=0))
    assert due(held) == math.inf


def test_redis_that_is_away_is_tried_now_and_then() -> None:
    """An absent Redis is asked twice a second at most; waiting jobs are served meanwhile."""
    held = given(allotment())
    asking, heard = made(held, waiting=1, accounts=FakeAccounts(AWAY), clock=lambda: 0.0)
    asyncio.run(asking.ask())
    assert heard == [None]
    held.was_throttled(None)
    assert asking.due() == AWAY_SECONDS


async def come_true(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110  nobody announces it
            await asyncio.sleep(0.001)


def running(
    held: Permits, accounts: FakeAccounts, until: Callable[[], bool], *, waiting: int = 1
) -> list[Allotment | None]:
    """Run an exchange until a condition holds; returns what it heard."""
    asking, heard = made(held, waiting=waiting, accounts=accounts)

    async def scenario() -> None:
        duty = asyncio.create_task(asking.run())
        await come_true(until)
        duty.cancel()
        await asyncio.gather(duty, return_exceptions=True)

    asyncio.run(scenario())
    return heard


def test_permits_arrive_and_are_announced() -> None:
    """The worker holds what Redis gave, and waiting jobs are told."""
    held, accounts = permits(), FakeAccounts(allotment(permits=3))
    heard = running(held, accounts, lambda: held.ready)
    assert heard[0]
    assert heard[0].permits == 3
    assert accounts.reports[0].want == 1


def test_outage_of_redis_loses_no_report(monkeypatch: pytest.MonkeyPatch) -> None:
    """What happened before and during an outage is reported once after it."""
    monkeypatch.setattr(exchange, "AWAY_SECONDS", 0.01)
    held, accounts = permits(), FakeAccounts(AWAY, AWAY, allotment(permits=1))
    held.reports.had_trouble(2.5)
    heard = running(held, accounts, lambda: held.status.last is not None)
    assert [report.trouble for report in accounts.reports[:3]] == [2.5, 2.5, 2.5]
    assert len(heard) >= 1
    assert not held.reports.urgent


def test_news_wakes_an_idle_exchange() -> None:
    """An idle exchange asks as soon as there is trouble to report."""
    held, accounts = given(allotment()), FakeAccounts(allotment())
    asking, _ = made(held, accounts=accounts)

    async def scenario() -> None:
        duty = asyncio.create_task(asking.run())
        await asyncio.sleep(0)
        assert not accounts.reports
        held.was_throttled(1)
        await come_true(lambda: bool(accounts.reports))
        duty.cancel()

    asyncio.run(scenario())
    assert accounts.reports[0].throttled == 1


def test_leaving_gives_everything_back() -> None:
    """At the end unused permits are given back, and no more are asked for."""
    held, accounts = given(allotment(permits=4)), FakeAccounts(allotment())
    asking, _ = made(held, waiting=9, accounts=accounts)
    asyncio.run(asking.leave())
    (told,) = accounts.reports
    assert (told.left, told.want) == (4, 0)


def test_leaving_does_not_need_redis() -> None:
    """A worker ends even if Redis is away."""
    asking, _ = made(given(allotment(permits=4)), accounts=FakeAccounts(AWAY))
    asyncio.run(asking.leave())


def test_changes_are_logged_once(clock: Clock) -> None:
    """The breaker's opening, with its cause, its closing, and a found limit are each told once."""
    del clock
    cause = "upstream_unavailable (502)"
    broken = allotment(mode="broken", cause=cause)
    limited = allotment(limited=True, rate=7, slots=3)
    answers = [allotment(), broken, broken, allotment(), limited, limited]
    events = Events()
    told = heard(events)
    asking, _ = made(permits(), accounts=FakeAccounts(*answers), events=events)
    for _ in answers:
        asyncio.run(asking.ask())
    assert told == [
        BreakerOpened(breaker="account account", state="broken", reason=cause),
        BreakerClosed(breaker="account account"),
        LimitFound(account="account", rate=7, slots=3),
    ]


def test_limits_that_differ_are_logged_once() -> None:
    """A worker whose limits differ from those in force says so once."""
    in_force = Limits(rpm=60)
    for own, times in ((Limits(rpm=600), 1), (NO_LIMITS, 1), (Limits(rpm=60), 0)):
        events = Events()
        told = heard(events)
        accounts = FakeAccounts(allotment(limits=in_force))
        asking, _ = made(permits(own), accounts=accounts, events=events)
        for _ in range(3):
            asyncio.run(asking.ask())
        differ = LimitsDiffer(account="account", in_force=in_force.known(), own=own.known())
        assert told == [differ] * times
