"""The ways by which a job may be sent: an account and a key of a site, and a permit of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from rerankq.accounts.breakers import account_breaker, key_breaker, model_breaker
from rerankq.contract import RerankRequest
from rerankq_worker.limits.permit import Permit
from rerankq_worker.limits.permits import Permits
from rerankq_worker.upstream.errors import Refused
from rerankq_worker.upstream.port import Provider
from rerankq_worker.upstream.sites import Key, Site


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
    breakers: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        names = account_breaker(self.permits.account.name), key_breaker(self.site.name, self.key.id)
        object.__setattr__(self, "breakers", names)

    def breaker_of(self, model: str) -> str:
        """The circuit of a model, by the site's name for it."""
        return model_breaker(self.site.name, model)


@dataclass(frozen=True, slots=True)
class Reservation:
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


def usable_routes(routes: Sequence[Route], request: RerankRequest) -> list[tuple[Route, str]]:
    """The routes by which a request could be sent, each with its site's name of the model.

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
            # It is not sent where it must be refused: another site may take it.
            refusal = refusal or error
        else:
            found.append((route, name))
    if found:
        return found
    raise refusal or Refused(
        f"no site serves the model {request.model}: name it under `models` of a site"
    )
