"""Which account and key a job is sent by, and who waits for a permit of which.

Routes are tried in the order in which sites, accounts and keys are set: the first that is open
and has a permit is taken. A job keeps to its model: it goes only where that is served.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from rerankq.contract import RerankRequest
from rerankq.ledger.accounts import Accounts, Allotment
from rerankq.ledger.circuits import Circuits
from rerankq_worker.limits.closures import GATED_SECONDS, MODEL_SECONDS, Closures
from rerankq_worker.limits.culprits import Culprits
from rerankq_worker.limits.exchange import Exchange
from rerankq_worker.limits.permit import Demand
from rerankq_worker.limits.ways import Route, Way, leading
from rerankq_worker.upstream import Deferred, Throttled

RETRY_WAIT_SECONDS: Final = 5.0
COURTESY_SECONDS: Final = 0.2
"""How long a job whose model failed last leaves the probe of an account to others."""
LOOK_AMONG: Final = 50
"""Jobs among which one of another model is looked for then."""


@dataclass(slots=True, eq=False)
class _Waiter:
    routes: Sequence[tuple[Route, str]]
    tokens: float
    retry: bool
    since: float
    way: "asyncio.Future[Way]" = field(default_factory=asyncio.Future)


class Routes:
    """The routes of this worker. All calls belong to one event loop.

    Args:
        routes: in the order of preference.
        circuits: the circuits in Redis.
        changed: called when more jobs may make sense in hand than before.
    """

    def __init__(
        self, routes: Sequence[Route], circuits: Circuits, *, changed: Callable[[], None]
    ) -> None:
        self._routes = routes
        self._accounts = list(dict.fromkeys(each.permits for each in routes))
        self.circuits = circuits
        self._changed = changed
        self._waiting: deque[_Waiter] = deque()
        self.culprits = Culprits()
        self._closures = Closures(circuits)
        self._hungry = False
        self._timer: asyncio.TimerHandle | None = None
        self.counts_tokens = any(each.counts_tokens for each in self._accounts)

    def exchanges(self, accounts: Accounts, *, worker: str) -> list[Exchange]:
        """What fetches the permits: to be run beside, one for each account."""
        return [
            Exchange(accounts, each, worker=worker, demand=self.demand, heard=self.heard)
            for each in self._accounts
        ]

    async def way(self, request: RerankRequest, *, tokens: float, retry: bool) -> Way:
        """A route for a call, waiting for a permit.

        Args:
            request: what the call asks for.
            tokens: what it is reckoned to cost.
            retry: whether it is a retry, of which the fleet may make so many and no more.

        Raises:
            Deferred: none is open, or no retry is allowed now: the job waits in the ledger.
            Refused: no site serves the model, or none takes such a request.
        """
        waiter = _Waiter(leading(self._routes, request), tokens, retry, time.monotonic())
        if self._closures and (way := await self._probe(waiter)):
            return way
        if not self._waiting and (way := self._taken(waiter)):
            return way
        self._waiting.append(waiter)
        # Those before it may wait for what this one does not need.
        self._serve()
        if not waiter.way.done():
            self._stir()
            if any(each.probing for each in self._accounts):
                asyncio.get_running_loop().call_later(COURTESY_SECONDS, self._serve)
        try:
            return await waiter.way
        except asyncio.CancelledError:
            if waiter.way.done() and not waiter.way.cancelled() and not waiter.way.exception():
                self.release(waiter.way.result())
            raise
        finally:
            if waiter in self._waiting:
                self._waiting.remove(waiter)

    def release(self, way: Way, cost: float | None = None) -> None:
        """A call has ended; `cost` in tokens, where the upstream said so."""
        way.route.permits.done(way.permit, cost)
        if self._waiting:
            self._serve()

    def cleared(self, way: Way, *, ranked: bool) -> tuple[str, ...]:
        """The circuits on a way that an answer opens.

        Args:
            way: by which it came.
            ranked: whether it is a ranking, and no refusal of the request.
        """
        if not self._closures:
            return ()
        # An answer to an earlier call proves nothing about what was closed since.
        circuits = (*way.route.circuits, way.route.circuit_of(way.model))
        proved = way.turns or self._closures.doubted(circuits)
        return proved if ranked else self._closures.without_billing(proved)

    def open_elsewhere(self, way: Way, request: RerankRequest) -> bool:
        """Whether a request could go by another route at once."""
        routes = leading(self._routes, request)
        return any(
            route is not way.route and self._barrier(route, name) is None for route, name in routes
        )

    # How many jobs to have in hand.

    def appetite(self) -> int | None:
        """How many jobs it makes sense to have in hand; None for as many as may be in flight.

        Of a worker that may only probe, that is one, or some of which it may be another model's.
        """
        open_ones = [each for each in self._routes if self._is_open(each)]
        if not open_ones:
            probing = [each.account.name for each in self._accounts if each.probing]
            if any(self.culprits.suspects(each) for each in probing):
                return LOOK_AMONG
            return int(self._a_probe_is_due() or bool(probing))
        appetites = [each.appetite for each in {each.permits for each in open_ones}]
        return None if None in appetites else sum(each or 0 for each in appetites)

    def hunger(self, *, is_felt: bool) -> None:
        """Say whether there are jobs that would be taken in hand if there were an appetite."""
        self._hungry = is_felt
        if is_felt:
            self._stir()

    def demand(self) -> Demand:
        """What waits for permits of any account."""
        calls = len(self._waiting) or int(self._hungry)
        return Demand(calls, sum(each.tokens for each in self._waiting) if self._waiting else 0.0)

    def heard(self, allotment: Allotment | None) -> None:
        """There are permits, or news of an account; None when it lives on what it has."""
        if allotment:
            self._closures.hear(allotment)
        self._serve()
        self._changed()

    def _is_open(self, route: Route) -> bool:
        return route.permits.open and not self._closures.shut(route.circuits)

    def _stir(self) -> None:
        for permits in self._accounts:
            permits.wanted()

    # Who is served.

    def _serve(self) -> None:
        """Give permits to those who wait, the first first, and send away who waits in vain."""
        for waiter in list(self._waiting):
            if waiter.way.done():
                continue
            try:
                way = self._taken(waiter)
            except Deferred as error:
                waiter.way.set_exception(error)
            else:
                if way is None:
                    if not any(each.ready for each in self._accounts):
                        break
                    continue
                waiter.way.set_result(way)
            self._waiting.remove(waiter)
        self._serve_again()

    def _serve_again(self) -> None:
        """Come back when the next call may begin, if it is only too soon after the last."""
        spaced = min((each.spaced for each in self._accounts if each.spaced), default=0.0)
        if self._waiting and spaced and self._timer is None:
            loop = asyncio.get_running_loop()
            planned_at = loop.time() + spaced
            self._timer = loop.call_at(planned_at, self._on_time, planned_at)

    def _on_time(self, planned_at: float) -> None:
        self._timer = None
        late = asyncio.get_running_loop().time() - planned_at
        for permits in self._accounts:
            permits.ran_late(late)
        self._serve()

    def _taken(self, waiter: _Waiter) -> Way | None:
        """The first route that is open and has a permit; None when those that are have none.

        Raises:
            Deferred: none is open, or no retry is allowed.
        """
        closed: list[Deferred] = []
        missing: dict[str, bool] = {}
        may_wait = False
        for route, name in waiter.routes:
            barrier = self._barrier(route, name)
            if barrier:
                closed.append(barrier)
                missing[route.site.name] = missing.get(route.site.name, False) or barrier.ages
                continue
            may_wait |= not waiter.retry or route.permits.may_retry
            if self._leaves_the_probe(waiter, route, name):
                continue
            if permit := route.permits.take(waiter.tokens, retry=waiter.retry):
                return Way(route, permit, name)
        if len(closed) == len(waiter.routes):
            nearest = min(closed, key=lambda each: each.seconds)
            # Any key that is well tells of its site; but every site must say that of the model.
            nearest.ages = all(missing.values())
            raise nearest
        if not may_wait:
            # Whoever waited for the budget would keep a slot from those who need none.
            raise Deferred("there are too many retries at present", seconds=RETRY_WAIT_SECONDS)
        return None

    def _barrier(self, route: Route, model: str) -> Deferred | None:
        """What keeps jobs of a model from a route; None when it is open, or this is the probe."""
        if self._closures and (
            barrier := self._closures.barrier(route.circuits, route.circuit_of(model))
        ):
            # Of an upstream that is out nothing is known of its models.
            barrier.ages &= not route.permits.broken
            return barrier
        permits = route.permits
        if permits.open or permits.probing:
            return None
        code = Deferred.code if permits.broken else Throttled.code
        seconds = GATED_SECONDS
        if permits.broken and self.culprits.suspects(permits.account.name, model):
            # It was looked through for a job of another model: the next are to be new ones. Its
            # wait is doubled at most.
            seconds = min(max(seconds, permits.closed_for), MODEL_SECONDS)
        return Deferred("the upstream is closed for now", seconds=seconds, code=code)

    def _leaves_the_probe(self, waiter: _Waiter, route: Route, model: str) -> bool:
        """Whether the probe of an account is left for a moment to a job of another model.

        If it is one model that is out, its jobs would keep the account closed for those of others.
        """
        permits = route.permits
        if not permits.probing or not self.culprits.suspects(permits.account.name, model):
            return False
        return time.monotonic() - waiter.since < COURTESY_SECONDS

    async def _probe(self, waiter: _Waiter) -> Way | None:
        """A way by which a closed circuit is probed, when that is due and the turn is ours."""
        for route, name in waiter.routes:
            shut = self._closures.shut((*route.circuits, route.circuit_of(name)))
            if not shut or not self._closures.may_be_probed(shut):
                continue
            # The permit first: it can be given back, and a turn cannot.
            permit = route.permits.take(waiter.tokens, retry=waiter.retry)
            if permit is None:
                continue
            ours = False
            try:
                ours = await self._closures.take_turns(shut)
            finally:
                if not ours:
                    route.permits.put_back(permit, retry=waiter.retry)
            if ours:
                return Way(route, permit, name, turns=shut)
        return None

    def _a_probe_is_due(self) -> bool:
        # Without a permit nothing would come of it: then one is asked for first.
        ready = (each for each in self._routes if each.permits.ready)
        shut = (self._closures.shut(each.circuits) for each in ready)
        return any(each and self._closures.may_be_probed(each) for each in shut)
