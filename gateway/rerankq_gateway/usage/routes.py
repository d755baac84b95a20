"""The route of usage: calls, tokens and what reuse has saved."""

from collections.abc import Mapping
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from fastapi.responses import Response

from rerankq.contract import Scope
from rerankq_gateway.asgi import HotHandler, HotRequest
from rerankq_gateway.asgi.cold import needs
from rerankq_gateway.duties import Duty
from rerankq_gateway.parts import Parts

Reader = Annotated[HotRequest, needs(Scope.READ)]
_ROW: Final = {
    "jobs": 1200,
    "calls": 1230,
    "retries": 30,
    "uncertain_calls": 2,
    "pairs": 60_000,
    "tokens": 9_600_000,
    "reported_tokens": 9_600_000,
    "counted_tokens": 0,
    "estimated_tokens": 0,
    "uncertain_tokens": 0,
    "reused_pairs": 0,
    "reused_tokens": 0,
    "costs": {"CNY": 2.69},
    "costs_at_most": {"CNY": 2.7},
    "unpriced_tokens": 0,
}
_TOLD: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "The rows, and their total.",
        "content": {
            "application/json": {
                "example": {
                    "since": "2026-12-01",
                    "until": "2026-12-01",
                    "by": ["day", "tenant"],
                    "rows": [{**_ROW, "day": "2026-12-01", "tenant": "acme"}],
                    "total": _ROW,
                }
            }
        },
    }
}


def routes(parts: Parts) -> APIRouter:
    """The only one."""
    router = APIRouter(tags=["Usage"])

    @router.get("/v1/usage", summary="What calls have used", responses=_TOLD, response_model=None)
    async def told(
        request: Reader,
        by: Annotated[
            str,
            Query(
                description="What a row stands for: some of day, tenant, model, site, key and "
                "batch, separated by commas. Site and key are for operators."
            ),
        ] = "day",
        since: Annotated[
            str | None,
            Query(alias="from", description="The first day, such as 2026-12-01; in UTC."),
        ] = None,
        until: Annotated[
            str | None, Query(alias="to", description="The last day; today when left out.")
        ] = None,
        tenant: Annotated[str | None, Query(description="Only what is this tenant's.")] = None,
    ) -> Response:
        """Calls, tokens, cost and what reuse has saved. A tenant sees what is its own."""
        client = parts.client_for(request.principal)
        wanted = [each.strip() for each in by.split(",") if each.strip()]
        report = await client.usage(wanted, since=since, until=until, tenant=tenant)
        return Response(report.encode(), media_type="application/json")

    return router


def hot(parts: Parts) -> Mapping[tuple[str, str], HotHandler]:
    """None."""
    del parts
    return {}


def described() -> Mapping[str, Any]:
    """None: FastAPI describes the route."""
    return {}


def duties(parts: Parts) -> list[Duty]:
    """None."""
    del parts
    return []
