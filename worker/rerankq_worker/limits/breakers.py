"""Which routes are blocked, for which jobs, and which call probes whether they are well again."""

import time
from collections.abc import Sequence
from typing import Final

from rerankq.accounts.accounts import Allotment
from rerankq.accounts.breakers import Opened, SharedBreakers, model_breaker
from rerankq.contract import RerankRequest
from rerankq.events import Events
from rerankq_worker.limits.breaker_view import MODEL_SECONDS, OPEN_BREAKER_SECONDS, BreakerView
from rerankq_worker.limits.outlier_detection import OutlierDetection
from rerankq_worker.limits.route import Reservation, Route, usable_routes
from rerankq_worker.upstream.errors import BadKey, Deferred, Throttled
from rerankq_worker.upstream.sites import Site

COURTESY_SECONDS: Final = 0.2
"""While an account is to be probed: how long a job of a model that failed lately lets jobs of other
models go first."""
LOOK_AMONG: Final = 50
"""How many jobs are claimed then, to find one of another model."""


class Breakers:
    """What can block the routes of this worker: breakers in Redis, and accounts out of use.

    Args:
        routes: all routes of this worker.
        shared: the breakers in Redis.
        events: told which breakers open and close.

    Attributes:
        told: of which open breakers the events were told: how each is open, and why.
    """

    def __init__(
        self, routes: Sequence[Route], shared: SharedBreakers, events: Events | None = None
    ) -> None:
        self.events = events or Events()
        self._routes = routes
        self.shared = shared
        self.outliers = OutlierDetection()
        self._view = BreakerView(shared)
        self.told: dict[str, tuple[Opened, str]] = {}

    def hear(self, allotment: Allotment) -> None:
        """Keep what an exchange returned."""
        self._view.hear(allotment)

    @property
    def any_tripped(self) -> bool:
        """Whether any breaker of any route is open."""
        return bool(self._view)

    def is_usable(self, route: Route) -> bool:
        """Whether a route is usable for all calls, not only for probes."""
        permits = route.permits
        if (
            not permits.status.is_usable
            or permits.cut_off
            or permits.suspicions.is_suspected(route.key.id)
        ):
            return False
        return not self._view.tripped_among(route.breakers)

    def gives_nonsense(self, site: Site, model: str) -> bool:
        """Whether a model is parked because of its scores; `model` is the site's name for it."""
        return self._view.gives_nonsense(model_breaker(site.name, model))

    def is_usable_elsewhere(self, reservation: Reservation, request: RerankRequest) -> bool:
        """Whether a request could go by another route at once."""
        routes = usable_routes(self._routes, request)
        return any(
            route is not reservation.route and self.barrier(route, name) is None
            for route, name in routes
        )

    def barrier(self, route: Route, model: str, checked: str | None = None) -> Deferred | None:
        """Why jobs of a model cannot use a route; None when they can, or when one may probe it.

        Args:
            route: the route.
            model: the site's name for the model.
            checked: see `BreakerView.barrier`.
        """
        cut_off = route.permits.cut_off
        if cut_off and not route.permits.isolation.trial_due:
            # The job goes back at once, for workers that the upstream answers.
            reason = f"this worker alone gets no rankings from the upstream ({cut_off})"
            return Deferred(reason, seconds=0.0)
        if route.permits.suspicions.holds(route.key.id):
            reason = "the key was refused to this worker, which checks whether others may use it"
            return Deferred(reason, seconds=OPEN_BREAKER_SECONDS, code=BadKey.code)
        if self._view and (
            barrier := self._view.barrier(route.breakers, route.breaker_of(model), checked)
        ):
            # While the whole upstream is out, nobody can tell that the model is missing.
            barrier.ages &= not route.permits.status.is_out
            return barrier
        permits = route.permits
        if permits.status.is_usable or permits.probing:
            return None
        code = Deferred.code if permits.status.is_out else Throttled.code
        seconds = OPEN_BREAKER_SECONDS
        if any(each.permits is not permits and self.is_usable(each) for each in self._routes):
            # This worker goes on claiming jobs for the other accounts. After a short wait it would
            # only claim this job again.
            seconds = min(max(seconds, permits.status.usable_in), MODEL_SECONDS)
        if permits.status.is_out and self.outliers.is_suspected(permits.account.name, model):
            # This worker is looking for a job of another model, and this one is not. The job waits
            # as long as the account has been out, so that the worker sees other jobs first.
            seconds = min(max(seconds, permits.status.unusable_for), MODEL_SECONDS)
        return Deferred("the upstream is out of use for now", seconds=seconds, code=code)

    # Probes.

    def probes(self) -> int:
        """How many jobs to hold while no route is usable.

        One if a probe or a trial is due, more if a job of another model is to make the probe, else
        none.
        """
        accounts = {each.permits for each in self._routes}
        probing = [each.account.name for each in accounts if each.probing]
        if any(self.outliers.is_suspected(each) for each in probing):
            return LOOK_AMONG
        trial_due = any(each.isolation.trial_due for each in accounts)
        suspected = any(self._may_test(each) for each in self._routes)
        return int(trial_due or bool(probing) or suspected or self._is_one_due())

    def is_left_to_others(self, route: Route, model: str, since: float) -> bool:
        """Whether a job lets jobs of other models probe the account first.

        If only its model is out, its probes would fail and keep the other models' jobs waiting.

        Args:
            route: of the account.
            model: the job's model.
            since: when the job began to wait, by the monotonic clock in seconds.
        """
        permits = route.permits
        if not permits.probing or not self.outliers.is_suspected(permits.account.name, model):
            return False
        return time.monotonic() - since < COURTESY_SECONDS

    async def probe(
        self,
        routes: Sequence[tuple[Route, str]],
        *,
        tokens: float,
        retry: bool,
        checked: str | None = None,
    ) -> Reservation | None:
        """A reservation to probe an open breaker; None when none is due or another has the turn.

        Args:
            routes: those that the call could take, each with its site's name for the model.
            tokens: the estimated cost of the call.
            retry: whether it is a retry.
            checked: see `BreakerView.barrier`.
        """
        for route, name in routes:
            names = (*route.breakers, route.breaker_of(name))
            tripped = self._view.tripped_among([each for each in names if each != checked])
            if route.permits.suspicions.holds(route.key.id):
                continue
            if not tripped or not self._view.may_be_probed(tripped):
                continue
            # The permit first: taking it is local, while a turn needs a call to Redis.
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
        """Keep turns for the next job here: no call was made."""
        self._view.put_back(turns)

    def cleared(self, reservation: Reservation, *, ranked: bool) -> tuple[str, ...]:
        """The breakers that an answer closes.

        Args:
            reservation: of the call that was answered.
            ranked: whether the answer is a ranking; else it refused the request.
        """
        if not self._view:
            return ()
        # A call that was no probe may have begun before a breaker opened, so its answer closes only
        # breakers that are open on suspicion.
        shared = (*reservation.route.breakers, reservation.route.breaker_of(reservation.model))
        proved = reservation.turns or self._view.doubted(shared)
        return proved if ranked else self._view.without_billing(proved)

    def _may_test(self, route: Route) -> bool:
        """Whether a single call by a key under suspicion may begin now."""
        suspicions, key = route.permits.suspicions, route.key.id
        return (
            suspicions.is_suspected(key)
            and not suspicions.holds(key)
            and route.permits.status.is_usable
        )

    def _is_one_due(self) -> bool:
        # A probe needs a permit: without one, the permit is asked for first.
        ready = (each for each in self._routes if each.permits.ready)
        tripped = (self._view.tripped_among(each.breakers) for each in ready)
        return any(each and self._view.may_be_probed(each) for each in tripped)
