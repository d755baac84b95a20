"""The routes, and what old SDKs ask beside them."""

from collections.abc import Mapping
from typing import Any, Final

import orjson
from fastapi import APIRouter

from rerankq_gateway.access.principal import Scope
from rerankq_gateway.asgi import HotHandler, HotRequest
from rerankq_gateway.duties import Duty
from rerankq_gateway.parts import Parts
from rerankq_gateway.rerank.described import described_routes
from rerankq_gateway.rerank.handler import RerankHandler
from rerankq_gateway.rerank.tally import EVERY_SECONDS, Tally

PATHS: Final = ("/v1/rerank", "/v2/rerank", "/rerank", "/score", "/v1/score")


def routes(_: Parts) -> APIRouter:
    """None: all are served without FastAPI."""
    return APIRouter()


def hot(parts: Parts) -> Mapping[tuple[str, str], HotHandler]:
    """The rerank routes, and the two questions that SDKs ask before they call."""
    rerank = RerankHandler(parts)

    async def check_key(request: HotRequest) -> None:
        request.demand(Scope.SUBMIT)
        await request.answer(200, orjson.dumps({"valid": True}))

    async def models(request: HotRequest) -> None:
        await request.answer(200, _models(parts.settings.model))

    served: dict[tuple[str, str], HotHandler] = {("POST", path): rerank for path in PATHS}
    return served | {
        ("POST", "/v1/check-api-key"): check_key,
        ("GET", "/v1/models"): models,
    }


def described() -> Mapping[str, Any]:
    """The routes for OpenAPI."""
    return described_routes(PATHS)


def duties(parts: Parts) -> list[Duty]:
    """Saying how many calls got no ranking."""
    return [Duty("tally", Tally(parts.client.events).report, EVERY_SECONDS)]


def _models(name: str) -> bytes:
    """The default model, in the forms of OpenAI and Cohere; the upstream may have others."""
    model = {"id": name, "object": "model", "created": 0, "owned_by": "rerankq"}
    of_cohere = {"name": name, "endpoints": ["rerank"]}
    return orjson.dumps({"object": "list", "data": [model], "models": [of_cohere]})
