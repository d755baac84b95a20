"""The routes of webhooks. Each caller sees those of its tenant."""

from collections.abc import Mapping
from typing import Annotated, Any, Final

import orjson
from fastapi import APIRouter, Path, Query
from fastapi.responses import Response

from rerankq.client.webhooks import Webhooks
from rerankq.contract import Scope, Webhook, WebhookEvent
from rerankq.contract.message import Message
from rerankq.errors import InvalidRequest
from rerankq_gateway.asgi import HotHandler, HotRequest
from rerankq_gateway.asgi.body import body
from rerankq_gateway.asgi.cold import needs
from rerankq_gateway.duties import Duty
from rerankq_gateway.errors import GatewayError
from rerankq_gateway.parts import Parts
from rerankq_gateway.webhooks.addresses import Addresses
from rerankq_gateway.webhooks.delivering import Delivering
from rerankq_gateway.webhooks.delivery_log import log_deliveries
from rerankq_gateway.webhooks.described import (
    CREATED,
    CREATED_AGAIN,
    CREATING,
    LISTED,
    LOG,
    REMOVED,
    REPLAYED,
    REPLAYING,
    ROTATING,
    WEBHOOK,
)
from rerankq_gateway.webhooks.sender import Sender

Operator = Annotated[HotRequest, needs(Scope.OPERATE)]
WebhookId = Annotated[
    str, Path(description="The webhook's id.", examples=["wh_3f2a9c0d5b7e41d68f1c2a3b"])
]
MOST_LISTED: Final = 1000
_MOST_BYTES: Final = 64 * 1024
_AGAIN_SECONDS: Final = 1.0


def routes(parts: Parts) -> APIRouter:
    """All of them."""
    router = APIRouter(tags=["Webhooks"])
    sender = _sender(parts)

    def webhooks(request: HotRequest) -> Webhooks:
        return parts.client_for(request.principal).webhooks

    @router.post(
        "/v1/webhooks",
        summary="Make a webhook",
        responses=CREATED,
        openapi_extra=CREATING,
        status_code=201,
        response_model=None,
    )
    async def create(request: Operator) -> Response:
        """The secret is in this answer alone."""
        given = await _object(request)
        url, events = given.get("url"), given.get("events")
        if not isinstance(url, str):
            raise InvalidRequest("url", "must be a string")
        if reason := sender.refusal(url) if "://" in url else "":
            raise InvalidRequest("url", reason)
        if not isinstance(events, list | None):
            raise InvalidRequest("events", "must be a list of names")
        chosen = [e.value for e in WebhookEvent] if events is None else events
        async with parts.audited(request.principal, "webhook.create") as done:
            made = await webhooks(request).create(url, events=_texts(chosen))
            done.subject = made.id
        return _json(made, 201, location=f"{parts.settings.root_path}/v1/webhooks/{made.id}")

    @router.get("/v1/webhooks", summary="List webhooks", responses=LISTED, response_model=None)
    async def listed(request: Operator) -> Response:
        """The webhooks, the newest first, without their secrets."""
        found = [each.model_dump(mode="json") for each in await webhooks(request).list()]
        return _plain({"object": "list", "data": found})

    @router.get(
        "/v1/webhooks/{webhook_id}",
        summary="A webhook",
        responses=WEBHOOK,
        response_model=None,
    )
    async def known(request: Operator, webhook_id: WebhookId) -> Response:
        """What is known of it."""
        return _json(await webhooks(request).get(webhook_id))

    @router.delete(
        "/v1/webhooks/{webhook_id}",
        summary="Remove a webhook",
        responses=REMOVED,
        response_model=None,
    )
    async def remove(request: Operator, webhook_id: WebhookId) -> Response:
        """What it has not been told yet, it never will."""
        async with parts.audited(request.principal, "webhook.remove", webhook_id):
            await webhooks(request).remove(webhook_id)
        return _plain({"id": webhook_id, "object": "webhook", "deleted": True})

    _add_actions(router, webhooks, parts)
    return router


def _add_actions(router: APIRouter, webhooks: Any, parts: Parts) -> None:
    @router.post(
        "/v1/webhooks/{webhook_id}/rotate",
        summary="Replace a webhook's secret",
        responses=CREATED_AGAIN,
        openapi_extra=ROTATING,
        response_model=None,
    )
    async def rotate(request: Operator, webhook_id: WebhookId) -> Response:
        """Until the overlap is over (a day, if not said), calls carry two signatures."""
        given = await _object(request)
        named = {}
        if given.get("overlap_seconds") is not None:
            named["overlap_seconds"] = _number(given, "overlap_seconds")
        async with parts.audited(request.principal, "webhook.rotate", webhook_id):
            return _json(await webhooks(request).rotate(webhook_id, **named))

    @router.post(
        "/v1/webhooks/{webhook_id}/enable",
        summary="Call a disabled webhook again",
        responses=WEBHOOK,
        response_model=None,
    )
    async def enable(request: Operator, webhook_id: WebhookId) -> Response:
        """What it missed can be replayed."""
        async with parts.audited(request.principal, "webhook.enable", webhook_id):
            return _json(await webhooks(request).enable(webhook_id))

    @router.get(
        "/v1/webhooks/{webhook_id}/log",
        summary="A webhook's last calls",
        responses=LOG,
        response_model=None,
    )
    async def log(
        request: Operator,
        webhook_id: WebhookId,
        limit: Annotated[int, Query(ge=1, le=MOST_LISTED)] = 100,
    ) -> Response:
        """The newest first; nothing of what was sent or answered but the status."""
        found = await webhooks(request).log(webhook_id, limit=limit)
        rows = [each.model_dump(mode="json") for each in found]
        return _plain({"object": "list", "data": rows})

    @router.post(
        "/v1/webhooks/{webhook_id}/replay",
        summary="Send events again",
        responses=REPLAYED,
        openapi_extra=REPLAYING,
        response_model=None,
    )
    async def replay(request: Operator, webhook_id: WebhookId) -> Response:
        """One event, or all since a time that were not delivered; of the last four days."""
        given = await _object(request)
        event_id, since = given.get("event_id"), given.get("since")
        if event_id is not None and not isinstance(event_id, str):
            raise InvalidRequest("event_id", "must be a string")
        named = {"since": None if since is None else _number(given, "since")}
        async with parts.audited(request.principal, "webhook.replay", webhook_id):
            sent = await webhooks(request).replay(webhook_id, event_id=event_id, **named)
        return _plain({"id": webhook_id, "replayed": sent})


def hot(parts: Parts) -> Mapping[tuple[str, str], HotHandler]:
    """None."""
    del parts
    return {}


def duties(parts: Parts) -> list[Duty]:
    """Calling them."""
    events = parts.client.events
    log_deliveries(events)
    delivering = Delivering(parts.client.outbox, _sender(parts), parts.shutdown.began, events)
    return [Duty("webhooks", delivering.step, _AGAIN_SECONDS)]


def _sender(parts: Parts) -> Sender:
    settings = parts.settings
    return Sender(Addresses(settings.webhook_networks), allow_http=settings.webhook_http)


async def _object(request: HotRequest) -> Mapping[str, Any]:
    content = await body(request, most=_MOST_BYTES)
    try:
        given = orjson.loads(content or b"{}")
    except orjson.JSONDecodeError:
        raise GatewayError(400, "invalid_json", "the body is not valid JSON") from None
    if not isinstance(given, dict):
        raise GatewayError(400, "invalid_request", "the body must be a JSON object")
    return given


def _number(given: Mapping[str, Any], name: str) -> float:
    value = given[name]
    if type(value) not in {int, float}:
        raise InvalidRequest(name, "must be a number")
    return float(value)


def _texts(values: list[Any]) -> list[str]:
    for each in values:
        if not isinstance(each, str):
            raise InvalidRequest("events", "must be a list of names")
    return values


def _json(message: Message | Webhook, status: int = 200, *, location: str = "") -> Response:
    headers = {"location": location} if location else None
    return Response(message.encode(), status, headers=headers, media_type="application/json")


def _plain(content: Mapping[str, Any]) -> Response:
    return Response(orjson.dumps(content), media_type="application/json")
