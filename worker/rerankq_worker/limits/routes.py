"""Reserves a route (account and key) for each call, and keeps the queue of those that wait.

Routes are tried in the order in which sites, accounts and keys are set: the first that is usable
and has a permit is taken. A job goes only to sites that serve its model.
"""

import asyncio
import time
from collections.abc import Callable, Container, Sequence
from itertools import islice

from rerankq.accounts.accounts import Accounts, Allotment
from rerankq.accounts.breakers import SharedBreakers, model_breaker
from rerankq.contract import RerankRequest
from rerankq.events import Events
from rerankq_worker.limits.breakers import COURTESY_SECONDS, Breakers
from rerankq_worker.limits.crowds import Crowds
from rerankq_worker.limits.destinations import Destinations
from rerankq_worker.limits.exchange import Exchange
from rerankq_worker.limits.permit import Demand
from rerankq_worker.limits.ranked_models import RankedModels
from rerankq_worker.limits.route import Reservation, Route, usable_routes
from rerankq_worker.limits.route_choice import taken
from rerankq_worker.limits.waiter import Waiter
from rerankq_worker.limits.waiting_line import WaitingLine
from rerankq_worker.upstream.errors import Deferred


class Routes:
    """The routes of this worker. All calls belong to one event loop.

    Args:
        routes: in the order of preference.
        shared: the breakers in Redis.
        max_in_flight: how many calls may be in flight, by all routes together.
        changed: called when this worker may be able to hold more jobs than before.
        passengers: how many more jobs to hold than there are permits for, as calls may take them
            along.
        events: told what happens to permits, limits and breakers.

    Attributes:
        waiting: the calls that wait for permits.
        destinations: where jobs go that are too large for one call.
    """

    def __init__(
        self,
        routes: Sequence[Route],
        shared: SharedBreakers,
        *,
        max_in_flight: int,
        changed: Callable[[], None],
        passengers: int = 0,
        events: Events | None = None,
    ) -> None:
        self._passengers = passengers
        self.events = events or Events()
        self._free = max_in_flight
        self._crowds = Crowds()
        self.ranked_models = RankedModels()
        self.breakers = Breakers(routes, shared, self.events)
        self._routes = routes
        self._accounts = list(dict.fromkeys(each.permits for each in routes))
        self._changed = changed
        self.waiting = WaitingLine()
        self._has_demand = False
        self._timer: asyncio.TimerHandle | None = None
        self.destinations = Destinations(
            routes, lambda route, model: self.breakers.barrier(route, model) is None
        )
        self.counts_tokens = any(each.counts_tokens for each in self._accounts)

    def exchanges(self, accounts: Accounts, *, worker: str) -> list[Exchange]:
        """The exchanges that fetch permits, one for each account; the caller runs them."""
        return [
            Exchange(
                accounts,
                each,
                worker=worker,
                demand=self.demand,
                heard=self.heard,
                events=self.events,
            )
            for each in self._accounts
        ]

    async def reserve(
        self,
        request: RerankRequest,
        *,
        tokens: float,
        retry: bool,
        passenger: object = None,
        query: object = None,
        dear: Container[str] = (),
    ) -> Reservation:
        """Wait for a route with both a permit and a free call slot, and reserve it.

        Both are taken at the same moment, so a job that waits for a permit occupies no slot.

        Args:
            request: what the call asks for.
            tokens: the estimated cost of the call.
            retry: whether it is a retry, which counts against the fleet's budget of retries.
            passenger: the job, if another call may take it along while it waits: see
                `WaitingLine.take_along`.
            query: calls of the same query go one after the other.
            dear: names of sites that are used only if no other site takes the request.

        Raises:
            TakenAlongError: another call takes it along.
            Deferred: no route is usable, or the budget of retries is used up, or this worker
                already holds enough jobs of these accounts: the job waits in the ledger.
            Refused: no site serves the model, or none takes such a request.
        """
        routes, now = usable_routes(self._routes, request, dear), time.monotonic()
        return await self._reserved(
            Waiter(routes, tokens, retry, now, passenger=passenger, query=query)
        )

    async def reserve_check(self, site: str, model: str, *, tokens: float) -> Reservation:
        """The same for a check of a model's scores at one site, whose breaker may be open.

        Args:
            site: name of the site.
            model: the site's name for the model.
            tokens: the estimated cost of the call.

        Raises:
            Deferred: no route to the site is usable.
        """
        checked, now = model_breaker(site, model), time.monotonic()
        return await self._reserved(
            Waiter(self._to(site, model), tokens, retry=False, since=now, checked=checked)
        )

    async def reserve_at(self, site: str, model: str, *, tokens: float, retry: bool) -> Reservation:
        """The same as `reserve`, for a call that only one site can answer.

        Args:
            site: name of the site.
            model: the site's name for the model.
            tokens: as for `reserve`.
            retry: as for `reserve`.

        Raises:
            Deferred: as for `reserve`.
        """
        return await self.reserve_by(self._to(site, model), tokens=tokens, retry=retry)

    async def reserve_by(
        self,
        routes: Sequence[tuple[Route, str]],
        *,
        tokens: float,
        retry: bool,
        spare: bool = False,
    ) -> Reservation:
        """The same as `reserve`, for a call that only these routes can take.

        Args:
            routes: the routes, each with its site's name for the model.
            tokens: as for `reserve`.
            retry: as for `reserve`.
            spare: whether the calls of all other jobs go first, also those that come later.

        Raises:
            Deferred: as for `reserve`.
        """
        return await self._reserved(Waiter(routes, tokens, retry, time.monotonic(), spare=spare))

    def _to(self, site: str, model: str) -> list[tuple[Route, str]]:
        return [(each, model) for each in self._routes if each.site.name == site]

    def ask_first(self, site: str) -> None:
        """See `Permits.ask_first`, for all accounts of a site."""
        for each in self._routes:
            if each.site.name == site:
                each.permits.ask_first()

    async def _reserved(self, waiter: Waiter) -> Reservation:
        if reservation := await self._probe(waiter):
            return reservation
        if not self.waiting and self._free > 0 and (reservation := taken(waiter, self.breakers)):
            self._free -= 1
            return reservation
        # A spare call takes no job's place here, and has no turn of its own in the ledger.
        if len(self._accounts) > 1 and not waiter.spare:
            usable = {e.permits for e in self._routes if self.breakers.is_usable(e)}
            self._crowds.send_back(waiter, self.waiting, usable)
        self.waiting.join(waiter)
        # Those before it may wait for routes that this one does not need.
        self._serve()
        if not waiter.reservation.done():
            self._notify()
            if any(each.probing for each in self._accounts):
                asyncio.get_running_loop().call_later(COURTESY_SECONDS, self._serve)
        try:
            return await waiter.reservation
        except asyncio.CancelledError:
            if (
                waiter.reservation.done()
                and not waiter.reservation.cancelled()
                and not waiter.reservation.exception()
            ):
                self.put_back(waiter.reservation.result())
            raise
        finally:
            self.waiting.leave(waiter)

    def release(self, reservation: Reservation, cost: float | None = None) -> None:
        """A call has ended; `cost` is its tokens, where the upstream told them."""
        reservation.route.permits.done(reservation.permit, cost)
        self._free += 1
        if self.waiting:
            self._serve()

    def put_back(self, reservation: Reservation) -> None:
        """No call was made: permit and turns go to the next job."""
        reservation.route.permits.put_back(reservation.permit)
        self.breakers.put_back(reservation.turns)
        self._free += 1
        if self.waiting:
            self._serve()

    async def _probe(self, waiter: Waiter) -> Reservation | None:
        if not self.breakers.any_tripped or self._free <= 0:
            return None
        # The slot is taken now, because others may begin while Redis is asked for the turn.
        self._free -= 1
        reservation = None
        try:
            reservation = await self.breakers.probe(
                waiter.routes,
                tokens=waiter.tokens,
                retry=waiter.retry,
                checked=waiter.checked,
            )
        finally:
            self._free += reservation is None
        return reservation

    # How many jobs to hold.

    def capacity(self) -> int | None:
        """How many jobs to hold; None for as many as may be in flight."""
        usable = {each.permits for each in self._routes if self.breakers.is_usable(each)}
        if not usable:
            return self.breakers.probes()
        capacities = [each.capacity for each in usable]
        if None in capacities:
            return None
        return sum(each or 0 for each in capacities) + self._passengers

    @property
    def cut_off(self) -> bool:
        """Whether this worker is cut off from each account: its jobs go back at once."""
        return all(each.cut_off for each in self._accounts)

    def report_demand(self, *, exists: bool) -> None:
        """Say whether jobs wait that this worker would claim if it had capacity."""
        self._has_demand = exists
        if exists:
            self._notify()

    def demand(self) -> Demand:
        """What waits for permits of any account."""
        if not self.waiting:
            return Demand(int(self._has_demand), 0.0)
        # Jobs beyond the free slots cannot use a permit yet.
        calls = max(0, min(len(self.waiting), self._free))
        return Demand(calls, sum(each.tokens for each in islice(self.waiting, calls)))

    def heard(self, allotment: Allotment | None) -> None:
        """An exchange ended: there may be permits; None when Redis did not answer."""
        if allotment:
            self.breakers.hear(allotment)
        self._serve()
        self._changed()

    def _notify(self) -> None:
        for permits in self._accounts:
            permits.reports.ask_soon()

    # Who is served.

    def _serve(self) -> None:
        """Give permits in the order of waiting, and send jobs back that no route will serve now."""
        for waiter in self.waiting.in_turn():
            if self._free <= 0:
                break
            if waiter.reservation.done():
                continue
            try:
                reservation = taken(waiter, self.breakers)
            except Deferred as error:
                waiter.reservation.set_exception(error)
            else:
                if reservation is None:
                    if not any(each.ready for each in self._accounts):
                        break
                    continue
                self._free -= 1
                self.waiting.begins(waiter)
                waiter.reservation.set_result(reservation)
            self.waiting.leave(waiter)
        self._serve_again()

    def _serve_again(self) -> None:
        """Set a timer if the next call only has to keep its distance from the last one."""
        spaced = min((each.spaced for each in self._accounts if each.spaced), default=0.0)
        if self.waiting and spaced and self._timer is None:
            loop = asyncio.get_running_loop()
            planned_at = loop.time() + spaced
            self._timer = loop.call_at(planned_at, self._on_time, planned_at)

    def _on_time(self, planned_at: float) -> None:
        self._timer = None
        late = asyncio.get_running_loop().time() - planned_at
        for permits in self._accounts:
            permits.ran_late(late)
        self._serve()
