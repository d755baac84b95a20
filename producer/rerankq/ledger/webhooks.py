"""Webhooks: the URLs that are told of ends, their secrets, and what became of each call."""

import base64
import secrets
from collections.abc import Collection, Sequence
from typing import Any, Final, NamedTuple

import orjson

from rerankq.contract.webhook import (
    MAX_WEBHOOKS,
    NewWebhook,
    TryOutcome,
    Webhook,
    WebhookEvent,
    WebhookTry,
)
from rerankq.errors import InvalidRequest, WebhookNotFound
from rerankq.ledger.outbox import REPLAY, Kind
from rerankq.ledger.scripts import PACKAGE
from rerankq.store.script import FLAG, Script
from rerankq.store.store import Store

OVERLAP_SECONDS: Final = 24 * 3600.0
MOST_OVERLAP_SECONDS: Final = 30 * 24 * 3600.0
MOST_LOGGED: Final = 1000
_OF_ALL: Final = tuple(WebhookEvent)
_SECRET_BYTES: Final = 32


class _Rotate(NamedTuple):
    webhook: str
    secret: str
    overlap_ms: int


class _Enable(NamedTuple):
    webhook: str


ROTATE: Final = Script(PACKAGE, "webhooks/rotate", _Rotate, keys=("webhook",), reply=FLAG)
ENABLE: Final = Script(PACKAGE, "webhooks/enable", _Enable, keys=("webhook",), reply=FLAG)


class Webhooks:
    """The webhooks. Every call raises LedgerUnavailable when Redis cannot be used.

    Args:
        store: where they are.
        tenant: whose they are: those of others are not found. None for the operator, who sees all.
    """

    def __init__(self, store: Store, tenant: str | None = None) -> None:
        self._store = store
        self._keys = store.keys
        self._tenant = tenant

    def for_tenant(self, tenant: str | None) -> "Webhooks":
        """Those of one tenant."""
        return Webhooks(self._store, tenant)

    async def create(self, url: str, *, events: Collection[str] = _OF_ALL) -> NewWebhook:
        """A new webhook; its secret is in the answer and can never be read again.

        Args:
            url: what is called; https, unless the gateway that calls it allows http.
            events: ends of batches that it hears of without being named. None of them: it hears
                only of jobs and batches that name it.

        Raises:
            InvalidRequest: names the argument.
        """
        made = NewWebhook.parse(
            {
                "id": f"wh_{secrets.token_hex(12)}",
                "tenant": self._tenant,
                "url": url,
                "events": list(dict.fromkeys(events)),
                "created_at": await self._now(),
                "secret": _new_secret(),
            }
        )
        own = self._keys.tenant_webhooks(self._tenant or "")
        if len(await self._store.command("SMEMBERS", own)) >= MAX_WEBHOOKS:
            raise InvalidRequest("url", f"would be one of more than {MAX_WEBHOOKS} webhooks")
        await self._store.commands(
            ("HSET", self._keys.webhook(made.id), *_stored(made)),
            ("SADD", own, made.id),
            ("ZADD", self._keys.webhooks, int(made.created_at * 1000), made.id),
            all_or_none=True,
        )
        return made

    async def get(self, webhook_id: str) -> Webhook:
        """A webhook.

        Raises:
            WebhookNotFound: it is another's, or there is none.
        """
        found = await self._read([webhook_id])
        if not found:
            raise _unknown(webhook_id)
        return found[0]

    async def list(self) -> tuple[Webhook, ...]:
        """All of them, the newest first, without their secrets."""
        if self._tenant is None:
            ids = await self._store.command("ZREVRANGE", self._keys.webhooks, 0, -1)
        else:
            ids = await self._store.command("SMEMBERS", self._keys.tenant_webhooks(self._tenant))
        found = await self._read([each.decode() for each in ids])
        return tuple(sorted(found, key=lambda each: each.created_at, reverse=True))

    async def remove(self, webhook_id: str) -> Webhook:
        """Forget a webhook, its log, and what it has not been told yet.

        Raises:
            WebhookNotFound: it is another's, or there is none.
        """
        found = await self.get(webhook_id)
        await self._store.commands(
            ("DEL", self._keys.webhook(webhook_id), self._keys.webhook_log(webhook_id)),
            ("SREM", self._keys.tenant_webhooks(found.tenant or ""), webhook_id),
            ("ZREM", self._keys.webhooks, webhook_id),
            all_or_none=True,
        )
        return found

    async def rotate(
        self, webhook_id: str, *, overlap_seconds: float = OVERLAP_SECONDS
    ) -> NewWebhook:
        """Give a webhook a new secret. Until the overlap is over, calls are signed by both.

        Raises:
            InvalidRequest: the overlap is less than 0 or more than 30 days.
            WebhookNotFound: it is another's, or there is none.
        """
        if not 0 <= overlap_seconds <= MOST_OVERLAP_SECONDS:
            raise InvalidRequest(
                "overlap_seconds", f"must be from 0 to {MOST_OVERLAP_SECONDS:,.0f}"
            )
        found = await self.get(webhook_id)
        secret = _new_secret()
        if not await self._store.run(ROTATE(webhook_id, secret, int(overlap_seconds * 1000))):
            raise _unknown(webhook_id)
        return NewWebhook(**found.model_dump(), secret=secret)

    async def enable(self, webhook_id: str) -> Webhook:
        """Call a webhook again that was disabled. What it missed can be replayed.

        Raises:
            WebhookNotFound: it is another's, or there is none.
        """
        await self.get(webhook_id)
        await self._store.run(ENABLE(webhook_id))
        return await self.get(webhook_id)

    async def log(self, webhook_id: str, *, limit: int = MOST_LOGGED) -> tuple[WebhookTry, ...]:
        """Its last calls, the newest first.

        Raises:
            WebhookNotFound: it is another's, or there is none.
        """
        await self.get(webhook_id)
        rows = await self._store.command(
            "LRANGE", self._keys.webhook_log(webhook_id), 0, min(limit, MOST_LOGGED) - 1
        )
        return tuple(WebhookTry.parse(orjson.loads(row)) for row in rows)

    async def replay(
        self, webhook_id: str, *, event_id: str | None = None, since: float | None = None
    ) -> int:
        """Send again what a webhook was told or missed; returns how many events.

        Args:
            webhook_id: the webhook.
            event_id: of one event, as its log shows it.
            since: or all of its log from this time on, in Unix seconds, that were not delivered.

        Raises:
            InvalidRequest: neither or both are given, or the event is past its retention.
            WebhookNotFound: it is another's, or there is none.
        """
        if (event_id is None) == (since is None):
            raise InvalidRequest("event_id", "name an event, or a time by `since`")
        await self.get(webhook_id)
        if event_id is not None:
            if not await self._store.run(REPLAY(event_id, webhook_id)):
                raise InvalidRequest(
                    "event_id", "is of no event that this webhook was told of in the last 4 days"
                )
            return 1
        tries = [each for each in await self.log(webhook_id) if each.at >= (since or 0)]
        delivered = {each.event_id for each in tries if each.outcome is TryOutcome.DELIVERED}
        missed = dict.fromkeys(e.event_id for e in tries if e.event_id not in delivered)
        sent = [await self._store.run(REPLAY(each, webhook_id)) for each in missed]
        return sum(sent)

    async def _read(self, ids: Sequence[str]) -> Sequence[Webhook]:
        if not ids:
            return []
        read = await self._store.readings(
            *(("HGETALL", self._keys.webhook(each)) for each in ids),
            *(("ZCARD", self._keys.outbox_due(Kind.HTTP, each)) for each in ids),
        )
        stored, pending = read[: len(ids)], read[len(ids) :]
        found = [_webhook(*each) for each in zip(ids, stored, pending, strict=True)]
        return [each for each in found if each is not None and self._tenant in (None, each.tenant)]

    async def _now(self) -> float:
        seconds, micros = await self._store.command("TIME")
        return int(seconds) + int(micros) / 1_000_000


def _new_secret() -> str:
    """As Standard Webhooks has it."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def _stored(made: NewWebhook) -> list[str]:
    fields = {
        "url": made.url,
        "tenant": made.tenant or "",
        "events": " ".join(made.events),
        "secret": made.secret,
        "created": str(made.created_at),
    }
    return [part for pair in fields.items() for part in pair]


def _webhook(webhook_id: str, stored: Any, pending: int) -> Webhook | None:
    """The webhook that is stored so; None when there is none, or what is there is damaged."""
    if not stored:
        return None
    fields = {name.decode(): value.decode(errors="replace") for name, value in stored.items()}
    try:
        return Webhook.parse(
            {
                "id": webhook_id,
                "tenant": fields.get("tenant") or None,
                "url": fields.get("url"),
                "events": fields.get("events", "").split(),
                "created_at": float(fields.get("created", 0)),
                "disabled": fields.get("disabled") or None,
                "failing_since": _seconds(fields.get("failing_since")),
                "pending": pending,
                "dropped": int(fields.get("dropped", 0)),
            }
        )
    except (InvalidRequest, ValueError):
        return None


def _seconds(ms: str | None) -> float | None:
    return float(ms) / 1000 if ms else None


def _unknown(webhook_id: str) -> WebhookNotFound:
    return WebhookNotFound(f"no webhook has the id {webhook_id}: see `rerankq webhook list`")
