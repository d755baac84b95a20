"""Which routes are closed, to whom, and which call may find out whether they are open again."""

import time
from collections.abc import Sequence
from typing import Final

from rerankq.accounts.accounts import Allotment
from rerankq.accounts.breakers import SharedBreakers
from rerankq.contract import RerankRequest
from rerankq.events import Events
from rerankq_worker.limits.breaker_view import MODEL_SECONDS, OPEN_BREAKER_SECONDS, BreakerView
from rerankq_worker.limits.outlier_detection import OutlierDetection
from rerankq_worker.limits.route import Reservation, Route, usable_routes
from rerankq_worker.upstream.errors import BadKey, Deferred, Throttled

COURTESY_SECONDS: Final = 0.2
"""How long a job whose model failed last leaves the probe of an account to others."""
LOOK_AMONG: Final = 50
"""Jobs among which one of another model is looked for then."""


class Breakers:
    """What stands before the routes of this worker: circuits in Redis, and closed accounts.

    Args:
        routes: all of them.
        shared: the circuits in Redis.
        events: told which circuits are closed and opened.
    """

    def __init__(
        self, routes: Sequence[Route], shared: SharedBreakers, events: Events | None = None
    ) -> None:
        self.events = events or Events()
        self._routes = routes
        self.shared = shared
        self.outliers = OutlierDetection()
        self._view = BreakerView(shared)

    def hear(self, allotment: Allotment) -> None:
        """Take note of what an exchange told."""
        self._view.hear(allotment)

    @property
    def any_tripped(self) -> bool:
        """Whether a circuit is closed, of whatever route."""
        return bool(self._view)

    def is_open(self, route: Route) -> bool:
        """Whether a route takes more than probes."""
        permits = route.permits
        if (
            not permits.status.is_usable
            or permits.cut_off
            or permits.suspicions.is_suspected(route.key.id)
        ):
            return False
        return not self._view.tripped_among(route.breakers)

    def open_elsewhere(self, reservation: Reservation, request: RerankRequest) -> bool:
        """Whether a request could go by another route at once."""
        routes = usable_routes(self._routes, request)
        return any(
            route is not reservation.route and self.barrier(route, name) is None
            for route, name in routes
        )

    def barrier(self, route: Route, model: str) -> Deferred | None:
        """What keeps jobs of a model from a route; None when it is open, or this is the probe."""
        cut_off = route.permits.cut_off
        if cut_off and not route.permits.isolation.trial_due:
            # Back at once: for the workers that can reach it.
            reason = f"this worker alone gets no rankings from the upstream ({cut_off})"
            return Deferred(reason, seconds=0.0)
        if route.permits.suspicions.holds(route.key.id):
            reason = "the key is refused to this worker: it finds out whether to all"
            return Deferred(reason, seconds=OPEN_BREAKER_SECONDS, code=BadKey.code)
        if self._view and (barrier := self._view.barrier(route.breakers, route.breaker_of(model))):
            # Of an upstream that is out nothing is known of its models.
            barrier.ages &= not route.permits.status.is_out
            return barrier
        permits = route.permits
        if permits.status.is_usable or permits.probing:
            return None
        code = Deferred.code if permits.status.is_out else Throttled.code
        seconds = OPEN_BREAKER_SECONDS
        if any(each.permits is not permits and self.is_open(each) for each in self._routes):
            # Jobs of others are looked for, so this one will not be left in the queue.
            seconds = min(max(seconds, permits.status.usable_in), MODEL_SECONDS)
        if permits.status.is_out and self.outliers.is_suspected(permits.account.name, model):
            # It was looked through for a job of another model: the next are to be new ones. Its
            # wait is doubled at most.
            seconds = min(max(seconds, permits.status.unusable_for), MODEL_SECONDS)
        return Deferred("the upstream is closed for now", seconds=seconds, code=code)

    # Probes.

    def probes(self) -> int:
        """How many jobs make sense in hand while all is closed.

        That is one where a probe or a trial is due, or some of which it may be another model's.
        """
        accounts = {each.permits for each in self._routes}
        probing = [each.account.name for each in accounts if each.probing]
        if any(self.outliers.is_suspected(each) for each in probing):
            return LOOK_AMONG
        trial_due = any(each.isolation.trial_due for each in accounts)
        suspected = any(self._may_test(each) for each in self._routes)
        return int(trial_due or bool(probing) or suspected or self._is_one_due())

    def is_left_to_others(self, route: Route, model: str, since: float) -> bool:
        """Whether a job of a model leaves an account's probe for a moment to those of others.

        It has waited since then, by the monotonic clock in seconds. If it is one model that is out,
        its jobs would keep the account closed for those of others.
        """
        permits = route.permits
        if not permits.probing or not self.outliers.is_suspected(permits.account.name, model):
            return False
        return time.monotonic() - since < COURTESY_SECONDS

    async def probe(
        self, routes: Sequence[tuple[Route, str]], *, tokens: float, retry: bool
    ) -> Reservation | None:
        """A way by which a closed circuit is probed, when that is due and the turn is ours."""
        for route, name in routes:
            tripped = self._view.tripped_among((*route.breakers, route.breaker_of(name)))
            if route.permits.suspicions.holds(route.key.id):
                continue
            if not tripped or not self._view.may_be_probed(tripped):
                continue
            # The permit first: it is at hand, and a turn is asked for in Redis.
            permit = route.permits.take(tokens, retry=retry)
            if permit is None:
                continue
            ours = False
            try:
                ours = await self._view.take_turns(tripped)
            finally:
                if not ours:
                    route.permits.put_back(permit)
            if ours:
                route.permits.suspicions.call_begins(route.key.id)
                return Reservation(route, permit, name, turns=tripped)
        return None

    def put_back(self, turns: Sequence[str]) -> None:
        """Leave turns to the next job here: no call was made by them."""
        self._view.put_back(turns)

    def cleared(self, reservation: Reservation, *, ranked: bool) -> tuple[str, ...]:
        """The circuits on a way that an answer opens.

        Args:
            reservation: by which it came.
            ranked: whether it is a ranking, and no refusal of the request.
        """
        if not self._view:
            return ()
        # An answer to an earlier call proves nothing about what was closed since.
        shared = (*reservation.route.breakers, reservation.route.breaker_of(reservation.model))
        proved = reservation.turns or self._view.doubted(shared)
        return proved if ranked else self._view.without_billing(proved)

    def _may_test(self, route: Route) -> bool:
        """Whether a single call by a key that is under suspicion may begin."""
        suspicions, key = route.permits.suspicions, route.key.id
        return (
            suspicions.is_suspected(key)
            and not suspicions.holds(key)
            and route.permits.status.is_usable
        )

    def _is_one_due(self) -> bool:
        # Without a permit nothing would come of it: then one is asked for first.
        ready = (each for each in self._routes if each.permits.ready)
        tripped = (self._view.tripped_among(each.breakers) for each in ready)
        return any(each and self._view.may_be_probed(each) for each in tripped)
