"""Routes by which a job may be sent (an account and a key of a site), and their reservation."""

from collections.abc import Container, Sequence
from dataclasses import dataclass, field

from rerankq.accounts.breakers import account_breaker, key_breaker, model_breaker
from rerankq.contract import RerankRequest
from rerankq_worker.limits.permit import Permit
from rerankq_worker.limits.permits import Permits
from rerankq_worker.upstream.call_limits import NO_LIMITS, CallLimits
from rerankq_worker.upstream.errors import Refused, TooLarge
from rerankq_worker.upstream.port import Provider
from rerankq_worker.upstream.sites import Key, Site


@dataclass(frozen=True, slots=True)
class Route:
    """A way to send jobs: an account and a key of a site.

    Attributes:
        provider: calls the site.
        permits: the account's permits that this worker holds.
        breakers: names of the breakers of the account and the key.
        limits: what one call may have.
    """

    site: Site
    key: Key
    provider: Provider
    permits: Permits
    breakers: tuple[str, ...] = field(init=False)
    limits: CallLimits = NO_LIMITS

    def __post_init__(self) -> None:
        names = account_breaker(self.permits.account.name), key_breaker(self.site.name, self.key.id)
        object.__setattr__(self, "breakers", names)

    def breaker_of(self, model: str) -> str:
        """The name of a model's breaker; `model` is the site's name for it."""
        return model_breaker(self.site.name, model)


@dataclass(frozen=True, slots=True)
class Reservation:
    """A route for one job.

    Attributes:
        permit: the right to use it.
        model: the site's name for the job's model.
        turns: open breakers that this call probes.
    """

    route: Route
    permit: Permit
    model: str
    turns: tuple[str, ...] = ()


def usable_routes(
    routes: Sequence[Route], request: RerankRequest, dear: Container[str] = ()
) -> list[tuple[Route, str]]:
    """The routes by which a request could be sent, each with its site's name for the model.

    Args:
        routes: all routes.
        request: what is to be sent.
        dear: names of sites that are left out, unless there is no other.

    Raises:
        Refused: there is none.
    """
    found: list[tuple[Route, str]] = []
    refusal = None
    for route in routes:
        name = route.site.model(request.model)
        if name is None:
            continue
        try:
            route.provider.check(request, name)
        except Refused as error:
            # This site would refuse it, but another site may take it.
            refusal = refusal or error
            continue
        if route.limits.hold(request):
            found.append((route, name))
        else:
            refusal = refusal or TooLarge(
                f"the request is over what a call to the site {route.site.name} may have: see "
                "call_documents, call_tokens and call_bytes; send fewer or shorter documents"
            )
    if found:
        return [each for each in found if each[0].site.name not in dear] or found
    raise refusal or Refused(
        f"no site serves the model {request.model}: name it under `models` of a site"
    )
