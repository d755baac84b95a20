"""Where a job goes that is too large for one call: to sites whose scores may be merged."""

import hashlib
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Final

import orjson

from rerankq.contract import RerankRequest
from rerankq_worker.limits.route import Route
from rerankq_worker.upstream.call_limits import (
    CallLimits,
    bytes_before,
    bytes_each,
    tokens_each,
)
from rerankq_worker.upstream.errors import Refused, TooLarge

NO_DIVISION: Final = (
    "{model} is listwise: it compares the documents of a call with each other, so the scores of "
    "several calls cannot be merged, and a job of {given:,} documents is over what {site} "
    "takes in one call; send fewer documents, or choose another model"
)


@dataclass(frozen=True, slots=True)
class Destination:
    """Where all calls of a job go that is divided.

    Attributes:
        source: a fingerprint of what decides the scores besides the job itself. Only scores of one
            source are merged.
        limits: what a call by any of the routes may have.
        routes: the routes, each with its site's name for the model.
    """

    source: str
    limits: CallLimits
    routes: tuple[tuple[Route, str], ...]


class Destinations:
    """The destinations of large jobs.

    Args:
        routes: in the order of preference.
        is_usable: whether no breaker of a route, or of its model there, is open.
    """

    def __init__(self, routes: Sequence[Route], is_usable: Callable[[Route, str], bool]) -> None:
        self._routes = routes
        self._is_usable = is_usable
        self._least = reduce(CallLimits.within, (each.limits for each in routes), CallLimits())

    def of(self, request: RerankRequest, dear: Container[str] = ()) -> list[Destination]:
        """Where a request could go in several calls, the best first; none if one call can have it.

        Args:
            request: what is to be sent.
            dear: names of sites that are left out, unless there is no other.

        Raises:
            TooLarge: no site takes it in one call, and the model is listwise at each.
        """
        # Nearly all requests end here.
        if self._least.hold(request):
            return []
        serving = [
            (route, name)
            for route in self._routes
            if (name := route.site.model(request.model)) is not None
        ]
        cheap = [each for each in serving if each[0].site.name not in dear]
        found: list[Destination] = []
        for some in (cheap, serving):
            if any(_takes(route, name, request) for route, name in some):
                return []
            found = self._dividing(some, request)
            if able := [each for each in found if _holds_each(each.limits, request)]:
                return able
        if found:
            return found
        small = _small(request)
        taking = [(route, name) for route, name in serving if _takes(route, name, small)]
        if taking:
            route, name = taking[0]
            given = len(request.documents)
            raise TooLarge(NO_DIVISION.format(model=name, given=given, site=route.site.name))
        return []

    def _dividing(
        self, some: Sequence[tuple[Route, str]], request: RerankRequest
    ) -> list[Destination]:
        """The destinations among some routes at which the request may be divided."""
        small = _small(request)
        return self._by_source(
            [
                (route, name)
                for route, name in some
                if _takes(route, name, small) and route.site.is_pointwise(name)
            ]
        )

    def after_refusal(self, route: Route, model: str) -> Destination | None:
        """Where parts of a request go that this route's site refused as too large for one call.

        Args:
            route: the route of the refused call.
            model: the site's name for the model.
        """
        if not route.site.is_pointwise(model):
            return None
        source = _source(route, model)
        same = [(each, model) for each in self._routes if each.site.name == route.site.name]
        return Destination(source, route.limits, tuple(same))

    def _by_source(self, routes: Sequence[tuple[Route, str]]) -> list[Destination]:
        """One destination for each source; those with a usable route first."""
        grouped: dict[str, list[tuple[Route, str]]] = {}
        for route, model in routes:
            grouped.setdefault(_source(route, model), []).append((route, model))
        found = [
            Destination(
                source,
                reduce(CallLimits.within, (route.limits for route, _ in some)),
                tuple(some),
            )
            for source, some in grouped.items()
        ]
        return sorted(found, key=lambda each: not any(map(self._usable, each.routes)))

    def _usable(self, route: tuple[Route, str]) -> bool:
        return self._is_usable(*route)


def _small(request: RerankRequest) -> RerankRequest:
    return request.model_copy(update={"documents": ("a",), "top_n": None})


def _holds_each(limits: CallLimits, request: RerankRequest) -> bool:
    """Whether a call may have each document of a request, at least alone."""
    if limits.tokens is not None and max(tokens_each(request)) > limits.tokens:
        return False
    before = bytes_before(request)
    return limits.bytes is None or before + max(bytes_each(request)) <= limits.bytes


def _takes(route: Route, model: str, request: RerankRequest) -> bool:
    try:
        route.provider.check(request, model)
    except Refused:
        return False
    return route.limits.hold(request)


def _source(route: Route, model: str) -> str:
    site = route.site
    own = [site.scores_as] if site.scores_as else [site.endpoint, model, *site.options.items()]
    scale = site.scales.of(model)
    told = [own, scale and scale.value]
    return hashlib.blake2b(orjson.dumps(told), digest_size=8).hexdigest()
