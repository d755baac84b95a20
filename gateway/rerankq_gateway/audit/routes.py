"""The route of the audit trail."""

from collections.abc import Mapping
from typing import Annotated, Any, Final

import orjson
from fastapi import APIRouter, Query
from fastapi.responses import Response

from rerankq.contract import Scope
from rerankq.errors import InvalidRequest
from rerankq_gateway.asgi import HotHandler, HotRequest
from rerankq_gateway.asgi.cold import needs
from rerankq_gateway.duties import Duty
from rerankq_gateway.parts import Parts

Operator = Annotated[HotRequest, needs(Scope.OPERATE)]
MOST_LISTED: Final = 500
_ENTRY: Final = {
    "number": 17,
    "at": 1_782_000_000.25,
    "actor": "token tok_3f2a9c0d",
    "by": "gateway",
    "action": "batch.pause",
    "subject": "batch-0f0a2f9e-3d0b-4f0e-9a63-6a9a0a3b6d10",
    "outcome": "ok",
    "details": {},
}
_LISTED: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "Entries, the newest first.",
        "content": {
            "application/json": {
                "example": {"object": "list", "data": [_ENTRY], "has_more": False, "next": None}
            }
        },
    }
}


def routes(parts: Parts) -> APIRouter:
    """The only one."""
    router = APIRouter(tags=["Audit"])

    @router.get("/v1/audit", summary="What was done", responses=_LISTED, response_model=None)
    async def listed(
        request: Operator,
        tenant: Annotated[str | None, Query(description="Only what this tenant did.")] = None,
        after: Annotated[
            int | None, Query(ge=0, description="The `next` of the page before.")
        ] = None,
        limit: Annotated[int, Query(ge=1, le=MOST_LISTED)] = 50,
    ) -> Response:
        """What operators and tenants did, the newest first. A tenant sees what it did itself."""
        own = request.principal.tenant
        if own is not None and tenant not in (None, own):
            raise InvalidRequest("tenant", "is another than the token's")
        found = await parts.client.audit.page(tenant=own or tenant, after=after, limit=limit)
        has_more = len(found) == limit
        told = {
            "object": "list",
            "data": [orjson.Fragment(each.encode()) for each in found],
            "has_more": has_more,
            "next": found[-1].number if has_more else None,
        }
        return Response(orjson.dumps(told), media_type="application/json")

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
