"""Whether the process lives, and whether it can serve."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

import orjson
from fastapi import APIRouter

from rerankq.errors import LedgerUnavailable
from rerankq_gateway.asgi import HotHandler, HotRequest
from rerankq_gateway.duties import Duty
from rerankq_gateway.parts import Parts

OPEN_PATHS: Final = frozenset({"/live", "/ready"})
_LOOK_SECONDS: Final = 2.0
_WELL: Final = "ok"


def routes(_: Parts) -> APIRouter:
    """None: both are so small that FastAPI is not needed."""
    return APIRouter()


def hot(parts: Parts) -> Mapping[tuple[str, str], HotHandler]:
    """`/live` and `/ready`."""

    async def live(request: HotRequest) -> None:
        await request.answer(200, orjson.dumps({"loop": _WELL}))

    async def ready(request: HotRequest) -> None:
        ledger = await _ledger(parts)
        words = {
            "ledger": ledger,
            "gateway": "ending" if parts.shutdown.began.is_set() else _WELL,
        }
        is_ready = all(word == _WELL for word in words.values())
        await request.answer(200 if is_ready else 503, orjson.dumps(words))

    both: dict[str, HotHandler] = {"/live": live, "/ready": ready}
    return {("GET", path): handler for path, handler in both.items()}


async def _ledger(parts: Parts) -> str:
    """How Redis is: `ok`, or what is wrong."""
    try:
        async with asyncio.timeout(_LOOK_SECONDS):
            await parts.client.check()
    except LedgerUnavailable as problem:
        return str(problem)
    except TimeoutError:
        return "Redis does not answer in time"
    return _WELL


def described() -> Mapping[str, Any]:
    """Both routes for OpenAPI."""
    words = {
        "application/json": {
            "schema": {"type": "object", "additionalProperties": {"type": "string"}},
            "example": {"ledger": "ok", "gateway": "ok"},
        }
    }

    def get(summary: str, answers: dict[str, str]) -> dict[str, Any]:
        responses = {
            each: {"description": said, "content": words} for each, said in answers.items()
        }
        return {
            "get": {"summary": summary, "tags": ["Health"], "responses": responses, "security": []}
        }

    return {
        "/live": get("Whether the process lives", {"200": "It does."}),
        "/ready": get(
            "Whether it can serve",
            {"200": "It can.", "503": "Redis does not answer, or the process is about to end."},
        ),
    }


def duties(_: Parts) -> list[Duty]:
    """None."""
    return []
