"""The routes of webhooks as OpenAPI describes them."""

from collections.abc import Mapping
from typing import Any, Final

Responses = dict[int | str, dict[str, Any]]

_WEBHOOK: Final = {
    "id": "wh_3f2a9c0d5b7e41d68f1c2a3b",
    "url": "https://example.com/rerankq",
    "events": ["batch.completed", "batch.failed"],
    "created_at": 1_767_225_600.0,
    "pending": 0,
    "dropped": 0,
}
_TRY: Final = {
    "event_id": "evt_batch_batch-0f0a2f9e-3d0b-4f0e-9a63-6a9a0a3b6d10",
    "type": "batch.completed",
    "at": 1_767_225_660.25,
    "attempt": 1,
    "outcome": "failed",
    "status": 500,
    "ms": 84,
    "reason": "it answered 500",
    "again_in": 5.3,
}
_UNKNOWN: Final[Responses] = {404: {"description": "The caller has no webhook with this id."}}


def _answer(description: str, example: Any) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"example": example}}}


def _body(properties: Mapping[str, Any], example: Any, *, required: bool) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "object", "properties": dict(properties)}
    if required:
        schema["required"] = [next(iter(properties))]
    content = {"application/json": {"schema": schema, "example": example}}
    return {"requestBody": {"required": required, "content": content}}


WEBHOOK: Final[Responses] = {200: _answer("The webhook.", _WEBHOOK), **_UNKNOWN}
_NEW: Final = {**_WEBHOOK, "secret": "whsec_…"}
CREATED: Final[Responses] = {201: _answer("The webhook, with its secret.", _NEW)}
CREATED_AGAIN: Final[Responses] = {200: _answer("With its new secret.", _NEW), **_UNKNOWN}
LISTED: Final[Responses] = {
    200: _answer("All of the caller's.", {"object": "list", "data": [_WEBHOOK]})
}
REMOVED: Final[Responses] = {
    200: _answer("It is removed.", {"id": _WEBHOOK["id"], "object": "webhook", "deleted": True}),
    **_UNKNOWN,
}
LOG: Final[Responses] = {
    200: _answer("Its last calls.", {"object": "list", "data": [_TRY]}),
    **_UNKNOWN,
}
REPLAYED: Final[Responses] = {
    200: _answer("They are sent again.", {"id": _WEBHOOK["id"], "replayed": 1}),
    **_UNKNOWN,
}
_EVENTS: Final = ("batch.completed", "batch.failed", "batch.cancelled", "batch.expired")
CREATING: Final = _body(
    {
        "url": {"type": "string", "format": "uri", "maxLength": 2048},
        "events": {"type": "array", "items": {"type": "string", "enum": list(_EVENTS)}},
    },
    {"url": _WEBHOOK["url"], "events": _WEBHOOK["events"]},
    required=True,
)
ROTATING: Final = _body(
    {"overlap_seconds": {"type": "number", "minimum": 0, "maximum": 2_592_000}},
    {"overlap_seconds": 3600},
    required=False,
)
REPLAYING: Final = _body(
    {"event_id": {"type": "string"}, "since": {"type": "number"}},
    {"event_id": _TRY["event_id"]},
    required=False,
)


def described() -> Mapping[str, Any]:
    """No route is served without FastAPI."""
    return {}
