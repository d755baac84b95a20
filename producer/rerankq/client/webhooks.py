"""Webhooks for code without an event loop. The asynchronous client has `Webhooks` itself."""

from collections.abc import Collection
from typing import Protocol

from rerankq.client.caller import Caller
from rerankq.contract import NewWebhook, Webhook, WebhookEvent, WebhookTry
from rerankq.ledger.outbox import Delivery, Kind, Outbox, Verdict
from rerankq.ledger.webhooks import MOST_LOGGED, OVERLAP_SECONDS, Webhooks

__all__ = ["BlockingWebhooks", "Delivery", "Kind", "Outbox", "Verdict", "Webhooks"]


class HasWebhooks(Protocol):
    """The asynchronous client, as far as it is needed here."""

    @property
    def webhooks(self) -> Webhooks:
        """Its webhooks."""


class BlockingWebhooks:
    """`Webhooks`, which says what each method does and raises."""

    def __init__(self, caller: Caller[HasWebhooks]) -> None:
        self._caller = caller

    def create(self, url: str, *, events: Collection[str] = tuple(WebhookEvent)) -> NewWebhook:
        """A new webhook; its secret is in the answer and can never be read again."""
        return self._caller.call(lambda client: client.webhooks.create(url, events=events))

    def get(self, webhook_id: str) -> Webhook:
        """A webhook."""
        return self._caller.call(lambda client: client.webhooks.get(webhook_id))

    def list(self) -> tuple[Webhook, ...]:
        """All of them, the newest first, without their secrets."""
        return self._caller.call(lambda client: client.webhooks.list())

    def remove(self, webhook_id: str) -> Webhook:
        """Forget a webhook, its log, and what it has not been told yet."""
        return self._caller.call(lambda client: client.webhooks.remove(webhook_id))

    def rotate(self, webhook_id: str, *, overlap_seconds: float = OVERLAP_SECONDS) -> NewWebhook:
        """Give a webhook a new secret. Until the overlap is over, calls are signed by both."""
        return self._caller.call(
            lambda client: client.webhooks.rotate(webhook_id, overlap_seconds=overlap_seconds)
        )

    def enable(self, webhook_id: str) -> Webhook:
        """Call a webhook again that was disabled."""
        return self._caller.call(lambda client: client.webhooks.enable(webhook_id))

    def log(self, webhook_id: str, *, limit: int = MOST_LOGGED) -> tuple[WebhookTry, ...]:
        """Its last calls, the newest first."""
        return self._caller.call(lambda client: client.webhooks.log(webhook_id, limit=limit))

    def replay(
        self, webhook_id: str, *, event_id: str | None = None, since: float | None = None
    ) -> int:
        """Send again what a webhook was told or missed; returns how many events."""
        return self._caller.call(
            lambda client: client.webhooks.replay(webhook_id, event_id=event_id, since=since)
        )
