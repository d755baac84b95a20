"""When a worker comes to Redis for permits: as seldom as it may, as soon as it must."""

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
    at_hand: Permits,
    *,
    waiting: int = 0,
    accounts: FakeAccounts | None = None,
    events: Events | None = None,
    clock: Callable[[], float] | None = None,
    asked_at: float = -math.inf,
) -> tuple[Exchange, list[Allotment | None]]:
    """An exchange, and what it heard."""
    heard: list[Allotment | None] = []
    desk = Exchange(
        accounts or FakeAccounts(allotment()),
        at_hand,
        worker="w",
        demand=lambda: Demand(waiting, 10.0 * waiting),
        heard=heard.append,
        events=events,
        clock=clock,
        asked_at=asked_at,
    )
    return desk, heard


def due(at_hand: Permits, *, waiting: int = 0) -> float:
    """Seconds from an exchange just made to the next."""
    desk, _ = made(at_hand, waiting=waiting, asked_at=0.0)
    return desk.due()


def given(came: Allotment, *, want: int = 5, limits: Limits = NO_LIMITS) -> Permits:
    """Permits that came when so many were wanted."""
    at_hand = permits(limits)
    at_hand.report(Demand(want, 0))
    at_hand.receive(came)
    return at_hand


def test_idle_worker_does_not_ask() -> None:
    """Who has nothing to do and nothing to tell costs Redis nothing."""
    assert due(given(allotment())) == math.inf
    assert due(permits()) == math.inf


def test_first_work_asks_at_once() -> None:
    """A worker that never asked does not wait."""
    assert due(permits(), waiting=1) == 0


def test_usual_pace_is_what_the_account_said() -> None:
    """Who got what it wanted, or all there was, comes again when it was told to."""
    assert due(given(allotment(permits=5, ask_ms=700)), waiting=1) == 0.7
    assert due(given(allotment(permits=0, ask_ms=700)), waiting=1) == 0.7


def test_used_up_is_fetched_soon() -> None:
    """When all that was wanted was given and is used up, more is fetched at once."""
    at_hand = given(allotment(permits=1, ask_ms=700), want=1)
    at_hand.take(1, retry=False)
    assert due(at_hand, waiting=1) == SOON_SECONDS


def test_trouble_is_told_soon() -> None:
    """A 429 or a failure is told at once, and not in the middle of an outage of Redis."""
    at_hand = given(allotment(permits=5, ask_ms=700))
    at_hand.was_throttled(None)
    assert due(at_hand) == URGENT_SECONDS


@pytest.mark.parametrize(
    ("wait_ms", "seconds"), [(0, URGENT_SECONDS), (400, 0.4), (60_000, LOOK_SECONDS)]
)
def test_closed_account_is_looked_at_when_it_opens(wait_ms: float, seconds: float) -> None:
    """Who waits for a closed account asks when it opens, or looks every other second."""
    closed = allotment(mode="throttled", wait_ms=wait_ms, ask_ms=10)
    assert due(given(closed), waiting=1) == seconds


def test_holder_of_slots_shows_that_it_lives() -> None:
    """Long calls are under way, nothing else happens: Redis must not take the worker for dead."""
    at_hand = given(allotment(permits=1, slots=1), want=1, limits=Limits(concurrency=1))
    at_hand.take(1, retry=False)
    at_hand.report(NOTHING)
    at_hand.receive(allotment(slots=1))
    assert due(at_hand) == LOOK_SECONDS


def test_idle_worker_gives_its_slots_back() -> None:
    """Slots that nobody uses any more are told of once, and then no more is asked."""
    at_hand = given(allotment(slots=3), limits=Limits(concurrency=3))
    assert due(at_hand) == LOOK_SECONDS
    at_hand.receive(allotment(slots=0))
    assert due(at_hand) == math.inf


def test_redis_that_is_away_is_tried_now_and_then() -> None:
    """However urgent it is, an absent Redis is asked twice a second; those who wait are served."""
    at_hand = given(allotment())
    desk, heard = made(at_hand, waiting=1, accounts=FakeAccounts(AWAY), clock=lambda: 0.0)
    asyncio.run(desk.ask())
    assert heard == [None]
    at_hand.was_throttled(None)
    assert desk.due() == AWAY_SECONDS


async def come_true(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110  nobody announces it
            await asyncio.sleep(0.001)


def running(
    at_hand: Permits, accounts: FakeAccounts, until: Callable[[], bool], *, waiting: int = 1
) -> list[Allotment | None]:
    """Run an exchange until something is so; returns what was heard."""
    desk, heard = made(at_hand, waiting=waiting, accounts=accounts)

    async def scenario() -> None:
        duty = asyncio.create_task(desk.run())
        await come_true(until)
        duty.cancel()
        await asyncio.gather(duty, return_exceptions=True)

    asyncio.run(scenario())
    return heard


def test_permits_arrive_and_are_announced() -> None:
    """What Redis gives is at hand, and whoever waits is told."""
    at_hand, accounts = permits(), FakeAccounts(allotment(permits=3))
    heard = running(at_hand, accounts, lambda: at_hand.ready)
    assert heard[0]
    assert heard[0].permits == 3
    assert accounts.reports[0].want == 1


def test_outage_of_redis_loses_no_report(monkeypatch: pytest.MonkeyPatch) -> None:
    """What happened before and during an outage is told once after it."""
    monkeypatch.setattr(exchange, "AWAY_SECONDS", 0.01)
    at_hand, accounts = permits(), FakeAccounts(AWAY, AWAY, allotment(permits=1))
    at_hand.had_trouble(2.5)
    heard = running(at_hand, accounts, lambda: at_hand.status.last is not None)
    assert [report.trouble for report in accounts.reports[:3]] == [2.5, 2.5, 2.5]
    assert len(heard) >= 1
    assert not at_hand.urgent


def test_news_wakes_an_idle_exchange() -> None:
    """An exchange that waits for nothing in particular comes when there is trouble to tell of."""
    at_hand, accounts = given(allotment()), FakeAccounts(allotment())
    desk, _ = made(at_hand, accounts=accounts)

    async def scenario() -> None:
        duty = asyncio.create_task(desk.run())
        await asyncio.sleep(0)
        assert not accounts.reports
        at_hand.was_throttled(1)
        await come_true(lambda: bool(accounts.reports))
        duty.cancel()

    asyncio.run(scenario())
    assert accounts.reports[0].throttled == 1


def test_leaving_gives_everything_back() -> None:
    """At the end unused permits go back, and nothing more is wanted."""
    at_hand, accounts = given(allotment(permits=4)), FakeAccounts(allotment())
    desk, _ = made(at_hand, waiting=9, accounts=accounts)
    asyncio.run(desk.leave())
    (told,) = accounts.reports
    assert (told.left, told.want) == (4, 0)


def test_leaving_does_not_need_redis() -> None:
    """A worker ends whether or not Redis hears of it."""
    desk, _ = made(given(allotment(permits=4)), accounts=FakeAccounts(AWAY))
    asyncio.run(desk.leave())


def test_changes_are_told_once(clock: Clock) -> None:
    """It is told once when an account closes, and why; once when it opens; and a limit found."""
    del clock
    cause = "upstream_unavailable (502)"
    broken = allotment(mode="broken", cause=cause)
    limited = allotment(limited=True, rate=7, slots=3)
    answers = [allotment(), broken, broken, allotment(), limited, limited]
    events = Events()
    told = heard(events)
    desk, _ = made(permits(), accounts=FakeAccounts(*answers), events=events)
    for _ in answers:
        asyncio.run(desk.ask())
    assert told == [
        BreakerOpened(breaker="account account", state="broken", reason=cause),
        BreakerClosed(breaker="account account"),
        LimitFound(account="account", rate=7, slots=3),
    ]


def test_limits_that_differ_are_told_once() -> None:
    """A worker whose own limits are not those in force says so, and does not repeat it."""
    in_force = Limits(rpm=60)
    for own, times in ((Limits(rpm=600), 1), (NO_LIMITS, 1), (Limits(rpm=60), 0)):
        events = Events()
        told = heard(events)
        accounts = FakeAccounts(allotment(limits=in_force))
        desk, _ = made(permits(own), accounts=accounts, events=events)
        for _ in range(3):
            asyncio.run(desk.ask())
        differ = LimitsDiffer(account="account", in_force=in_force.known(), own=own.known())
        assert told == [differ] * times
