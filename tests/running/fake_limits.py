"""Fake accounts, breakers and a provider, for tests of routes and limits."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import asdict
from typing import Any

from rerankq.accounts.accounts import Accounts, Allotment, Limits, Report
from rerankq.accounts.breakers import BreakerState, Opened, SharedBreakers, Trip, TrippedBreaker
from rerankq.contract import Lane, RerankRequest
from rerankq.errors import LedgerUnavailable
from rerankq.events import Events
from rerankq_worker.limits.permit import Permit
from rerankq_worker.limits.permits import Permits
from rerankq_worker.limits.route import Route
from rerankq_worker.limits.routes import Routes
from rerankq_worker.upstream.errors import Refused, Unreachable, UpstreamError
from rerankq_worker.upstream.port import Answer, Call, Score
from rerankq_worker.upstream.sites import Account, Key, Site
from running.heard import heard

NO_LIMITS = Limits()
MAX_IN_FLIGHT = 100
ANSWER = Answer(scores=[Score(0, 0.5)], prompt_tokens=0, total_tokens=0, request_id=None)


class Clock:
    """Replaces the module `time`: its time changes only when a test sets it."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        """The time in seconds."""
        return self.now


def allotment(**fields: Any) -> Allotment:
    """The allotment of a usable account with a high rate; `fields` replace single values."""
    usual = Allotment(
        permits=0,
        tokens=0,
        slots=None,
        retries=20,
        probe=False,
        ask_ms=500,
        mode="open",
        since=0,
        cause="",
        wait_ms=0,
        rate=1000,
        limited=False,
        limits=Limits(),
        workers=1,
        in_flight=0,
        ranked="",
        served=frozenset(),
        idle_ms=0,
        alone=False,
        doubted=False,
        cut_off={},
        verdicts={},
        others=0,
        took_ms=0.0,
        now=1_000_000,
        tripped={},
    )
    return Allotment(**{name: getattr(usual, name) for name in asdict(usual)} | fields)


def breaker(state: BreakerState = BreakerState.PARKED, **fields: Any) -> TrippedBreaker:
    """An open breaker whose probe is due in a minute, by the clock of `allotment`."""
    usual: dict[str, Any] = {"every": 60_000.0, "probe_at": 1_060_000.0, "code": "upstream_auth"}
    told: dict[str, Any] = {"reason": "no", "strikes": 1, "since": 1.0, "struck_at": 1.0}
    return TrippedBreaker(state=state, **(told | usual | fields))


def due_breaker() -> TrippedBreaker:
    """An open breaker, parked, that may be probed now."""
    return breaker(probe_at=0.0)


def asking(model: str = "m") -> RerankRequest:
    """A small request for a model."""
    return RerankRequest(model=model, query="q", documents=("a document",))


class FakeAccounts(Accounts):
    """Returns the allotments that a test sets, and keeps the reports."""

    def __init__(self, *answers: Allotment | LedgerUnavailable) -> None:
        self._answers = list(answers)
        self.reports: list[Report] = []

    async def exchange(
        self, account: str, worker: str, limits: Limits, report: Report
    ) -> Allotment:
        """The next answer; the last one is repeated."""
        del account, worker, limits
        self.reports.append(report)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, LedgerUnavailable):
            raise answer
        return answer


class FakeBreakers(SharedBreakers):
    """Records which breakers were opened, closed and probed.

    Args:
        refused: breakers whose turn another worker has.
    """

    def __init__(self, *, refused: Iterable[str] = ()) -> None:
        self.trips: list[tuple[str, Trip]] = []
        self.closed: list[str] = []
        self.probed: list[str] = []
        self.away = False
        self.full = False
        self.holds: asyncio.Event | None = None
        """If set, an answer waits for this event."""
        self.refused = set(refused)

    async def trip(self, name: str, trip: Trip) -> Opened | None:
        """Record the trip, unless too many breakers are open."""
        self._answer()
        if self.full:
            return None
        self.trips.append((name, trip))
        return Opened(BreakerState.DOUBTED if trip.certain_after > 1 else trip.state, since=0.0)

    async def probe(self, *names: str) -> bool:
        """Give the turn, unless another worker has it."""
        self._answer()
        if self.holds:
            await self.holds.wait()
        if self.refused.isdisjoint(names):
            self.probed += names
            return True
        return False

    async def reset(self, *names: str) -> int:
        """Record the reset."""
        self._answer()
        self.closed += names
        return len(names)

    def _answer(self) -> None:
        if self.away:
            raise LedgerUnavailable("Redis is away")


class FakeProvider:
    """Answers or fails as a test sets it; keeps the calls."""

    def __init__(self, answer: Answer | UpstreamError = ANSWER) -> None:
        self.answer: Answer | UpstreamError | Callable[[Call], Answer] = answer
        self.answers = asyncio.Event()
        self.answers.set()
        self.reached = asyncio.Event()
        self.calls: list[Call] = []
        self.refusal: Refused | None = None

    def check(self, request: RerankRequest, model: str) -> None:
        """Refuse the request if a test set a refusal."""
        del request, model
        if self.refusal:
            raise self.refusal

    async def reach(self) -> None:
        """Fail only if the answer is `Unreachable`."""
        self.reached.set()
        if isinstance(self.answer, Unreachable):
            raise self.answer

    async def rerank(self, call: Call) -> Answer:
        """Give the answer that a test set."""
        self.calls.append(call)
        await self.answers.wait()
        if isinstance(self.answer, UpstreamError):
            raise self.answer
        return self.answer(call) if callable(self.answer) else self.answer


def permits(
    limits: Limits = NO_LIMITS,
    *,
    name: str = "account",
    given: Allotment | None = None,
) -> Permits:
    """Permits of one account; none without `given`."""
    made = Permits(Account(name, (), limits), lane=Lane.BULK, max_in_flight=100)
    if given:
        made.receive(given)
    return made


def taken(made: Permits, tokens: float = 1, *, retry: bool = False) -> Permit:
    """A permit for one call; there must be one."""
    permit = made.take(tokens, retry=retry)
    assert permit
    return permit


class Network:
    """Routes over fakes: each site has an account with two keys, `<site>1` and `<site>2`.

    Args:
        max_in_flight: how many calls may be in flight.
        models: each site's names for the models that it serves, by the site's name.

    Attributes:
        dialect: the dialect of all sites.
    """

    dialect = "dmxapi"

    def __init__(self, max_in_flight: int = MAX_IN_FLIGHT, /, **models: dict[str, str]) -> None:
        self.breakers = FakeBreakers()
        self.events = Events()
        self.heard = heard(self.events)
        self.providers = {name: FakeProvider() for name in models}
        self.permits = {name: permits(name=name) for name in models}
        self.changes = 0
        self.reservations = [
            route for name, served in models.items() for route in self._routes(name, served)
        ]
        self.routes = Routes(
            self.reservations,
            self.breakers,
            max_in_flight=max_in_flight,
            changed=self._changed,
            events=self.events,
        )

    def hear(self, site: str, **fields: Any) -> None:
        """Simulate an exchange for a site's account that returned these values."""
        given = allotment(**fields)
        self.permits[site].receive(given)
        self.routes.heard(given)

    def _routes(self, name: str, served: dict[str, str]) -> list[Route]:
        keys = Key(f"{name}1"), Key(f"{name}2")
        account = Account(name, keys, Limits())
        site = Site(name, f"http://{name}/v1/rerank", self.dialect, (account,), served)
        return [Route(site, key, self.providers[name], self.permits[name]) for key in keys]

    def _changed(self) -> None:
        self.changes += 1
