"""All pages and acts of the console: method, path, the scope that is needed, and who serves it."""

from collections.abc import Sequence
from dataclasses import dataclass

from rerankq.contract import Scope
from rerankq_gateway.access.bearer import KnownTokens
from rerankq_gateway.access.principal import ACTING
from rerankq_gateway.console.answers import Shown
from rerankq_gateway.console.views import (
    audit,
    batches,
    dead,
    jobs,
    overview,
    playground,
    sign_in,
    tenants,
    upstream,
    webhooks,
)
from rerankq_gateway.console.visit import Visit
from rerankq_gateway.errors import GatewayError


@dataclass(frozen=True, slots=True)
class Route:
    """A page or an act.

    Attributes:
        method: GET or POST.
        path: its parts below the console; one in braces stands for any, and names it.
        shown: serves it.
        scopes: of which its visitor's token needs one; none for everybody.
        operator: whether it is for operators only.
    """

    method: str
    path: str
    shown: Shown
    scopes: tuple[Scope, ...]
    operator: bool = False


def routes(sessions: KnownTokens) -> tuple[Route, ...]:
    """All of them.

    Args:
        sessions: the sessions that this process remembers.
    """
    read, submit, operate = (Scope.READ,), (Scope.SUBMIT,), (Scope.OPERATE,)
    entry = sign_in.Entry(sessions)
    pulse = overview.Overview()
    return (
        Route("GET", "", pulse.page, read),
        Route("GET", "sign-in", entry.page, ()),
        Route("POST", "sign-in", entry.sign_in, ()),
        Route("POST", "sign-out", entry.sign_out, ()),
        Route("POST", "theme", sign_in.theme, ()),
        Route("GET", "jobs", jobs.listed, read),
        Route("GET", "jobs/{job}", jobs.one, read),
        Route("POST", "jobs/{job}/cancel", jobs.cancel, ACTING),
        Route("GET", "batches", batches.listed, read),
        Route("GET", "batches/{batch}", batches.one, read),
        Route("GET", "batches/{batch}/results", batches.results, read),
        Route("GET", "batches/{batch}/failures", batches.failures, read),
        Route("POST", "batches/{batch}/pause", batches.pause, ACTING),
        Route("POST", "batches/{batch}/resume", batches.resume, ACTING),
        Route("POST", "batches/{batch}/cancel", batches.cancel, ACTING),
        Route("POST", "batches/{batch}/retry", batches.retry, ACTING),
        Route("GET", "dead", dead.listed, read, operator=True),
        Route("GET", "dead/{job}", dead.one, read, operator=True),
        Route("POST", "dead/replay", dead.replay, operate, operator=True),
        Route("POST", "dead/purge", dead.purge, operate, operator=True),
        Route("GET", "upstream", upstream.page, read, operator=True),
        Route("POST", "upstream/pause", upstream.pause, operate, operator=True),
        Route("POST", "upstream/resume", upstream.resume, operate, operator=True),
        Route("GET", "tenants", tenants.listed, read, operator=True),
        Route("GET", "webhooks", webhooks.listed, operate),
        Route("POST", "webhooks/{webhook}/enable", webhooks.enable, operate),
        Route("GET", "audit", audit.listed, operate),
        Route("GET", "playground", playground.page, submit),
        Route("POST", "playground", playground.rank, submit),
    )


def found(known: Sequence[Route], method: str, path: str, visit: Visit) -> Route:
    """The route of a path; its names are noted in the visit.

    Raises:
        GatewayError: 404, or 405.
    """
    parts = path.split("/")
    methods = set()
    for route in known:
        names = _names(route.path.split("/"), parts)
        if names is None:
            continue
        methods.add(route.method)
        if route.method == method:
            visit.names = names
            return route
    if methods:
        allowed = ((b"allow", ", ".join(sorted(methods)).encode()),)
        raise GatewayError(
            405, "method_not_allowed", "this page does not take that", headers=allowed
        )
    raise GatewayError(404, "unknown_route", "there is no such page")


def _names(pattern: Sequence[str], parts: Sequence[str]) -> dict[str, str] | None:
    if len(pattern) != len(parts):
        return None
    names: dict[str, str] = {}
    for wanted, part in zip(pattern, parts, strict=True):
        if wanted.startswith("{"):
            names[wanted.strip("{}")] = part
        elif wanted != part:
            return None
    return names
