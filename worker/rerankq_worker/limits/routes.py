"""Which account and key a job is sent by, and who waits for a permit of which.

Routes are tried in the order in which sites, accounts and keys are set: the first that is open
and has a permit is taken. A job keeps to its model: it goes only where that is served.
"""

import asyncio
import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from rerankq.ledger.accounts import Accounts, Allotment
from rerankq.ledger.circuits import Circuits, account_circuit, key_circuit, model_circuit
from rerankq_worker.limits.closures import GATED_SECONDS, Closures
from rerankq_worker.limits.exchange import Exchange
from rerankq_worker.limits.permits import Demand, Permit, Permits
from rerankq_worker.sites import Key, Site
from rerankq_worker.upstream import Deferred, Provider, Refused

RETRY_WAIT_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class Route:
    """A way to send jobs: an account and a key of a site.

    Attributes:
        provider: calls the site.
        permits: the account's permits at hand.
    """

    site: Site
    key: Key
    provider: Provider
    permits: Permits
    circuits: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        names = account_circuit(self.permits.account.name), key_circuit(self.key.id)
        object.__setattr__(self, "circuits", names)

    def circuit_of(self, model: str) -> str:
        """The circuit of a model, by the site's name for it."""
        return model_circuit(self.site.name, model)


@dataclass(frozen=True, slots=True)
class Way:
    """A route for one job.

    Attributes:
        permit: the right to use it.
        model: the site's name for the job's model.
        turns: circuits that are closed, and that this call is to probe.
    """

    route: Route
    permit: Permit
    model: str
    turns: tuple[str, ...] = ()


@dataclass(slots=True, eq=False)
class _Waiter:
    model: str
    tokens: float
    retry: bool
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

    async def way(self, model: str, *, tokens: float, retry: bool) -> Way:
        """A route for a call to `model`, waiting for a permit.

        Args:
            model: as the job names it.
            tokens: what the call is reckoned to cost.
            retry: whether it is a retry, of which the fleet may make so many and no more.

        Raises:
            Deferred: none is open, or no retry is allowed now: the job waits in the ledger.
            Refused: no site serves the model.
        """
        if retry and not any(each.may_retry for each in self._accounts):
            raise Deferred("there are too many retries at present", seconds=RETRY_WAIT_SECONDS)
        if self._closures and (way := await self._probe(model, tokens, retry=retry)):
            return way
        if not self._waiting and (way := self._taken(model, tokens, retry=retry)):
            return way
        waiter = _Waiter(model, tokens, retry)
        self._waiting.append(waiter)
        # Those before it may wait for what this one does not need.
        self._serve()
        if not waiter.way.done():
            self._stir()
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

    def doubted(self, way: Way) -> tuple[str, ...]:
        """The circuits on a way that a good answer clears of doubt."""
        if not self._closures:
            return ()
        return self._closures.doubted((*way.route.circuits, way.route.circuit_of(way.model)))

    # How many jobs to have in hand.

    def appetite(self) -> int | None:
        """How many jobs it makes sense to have in hand; None for as many as may be in flight.

        Of a worker that may only probe, that is one.
        """
        open_ones = [each for each in self._routes if self._is_open(each)]
        if not open_ones:
            return int(self._a_probe_is_due() or any(each.probing for each in self._accounts))
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
                way = self._taken(waiter.model, waiter.tokens, retry=waiter.retry)
            except (Deferred, Refused) as error:
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

    def _taken(self, model: str, tokens: float, *, retry: bool) -> Way | None:
        """The first route that is open and has a permit; None when those that are have none.

        Raises:
            Deferred: none is open.
            Refused: no site serves the model.
        """
        opens_in = math.inf
        served = False
        for route in self._routes:
            name = route.site.model(model)
            if name is None:
                continue
            served = True
            wait = self._closed_seconds(route, name)
            if wait == 0 and (permit := route.permits.take(tokens, retry=retry)):
                return Way(route, permit, name)
            opens_in = min(opens_in, wait)
        if not served:
            raise Refused(f"no site serves the model {model}: name it under `models` of a site")
        if opens_in > 0:
            raise Deferred("the upstream is closed for now", seconds=opens_in)
        return None

    def _closed_seconds(self, route: Route, model: str) -> float:
        """Seconds to wait for a route; 0 when it is open, or this is the probe."""
        if self._closures:
            away = self._closures.away_seconds(route.circuits, route.circuit_of(model))
            if away:
                return away
        return 0.0 if route.permits.open or route.permits.probing else GATED_SECONDS

    async def _probe(self, model: str, tokens: float, *, retry: bool) -> Way | None:
        """A way by which a closed circuit is probed, when that is due and the turn is ours."""
        closures = self._closures
        for route in self._routes:
            name = route.site.model(model)
            if name is None or not route.permits.ready:
                continue
            shut = closures.shut((*route.circuits, route.circuit_of(name)))
            if not shut or not closures.may_be_probed(shut) or not await closures.take_turns(shut):
                continue
            if permit := route.permits.take(tokens, retry=retry):
                return Way(route, permit, name, turns=shut)
        return None

    def _a_probe_is_due(self) -> bool:
        shut = [self._closures.shut(route.circuits) for route in self._routes]
        return any(each and self._closures.may_be_probed(each) for each in shut)
