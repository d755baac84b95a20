"""Says in the log which calls of webhooks failed: a listener on events."""

import logging

from rerankq.events import Events, WebhookDisabled, WebhookFailed

log = logging.getLogger(__name__)


def log_deliveries(events: Events) -> None:
    """Log what an operator should see of webhooks."""
    events.listen(_failed, WebhookFailed)
    events.listen(_disabled, WebhookDisabled)


def _failed(event: WebhookFailed) -> None:
    delay = event.delay_seconds
    log.warning(
        "webhook %s (%s): %s of %s, try %d: %s; %s",
        *(event.webhook_id, event.host, event.event_type, event.event_id, event.tries),
        event.message,
        "given up" if delay is None else f"next try in {delay:.0f} s",
    )


def _disabled(event: WebhookDisabled) -> None:
    log.warning(
        "webhook %s (%s) is disabled, because it %s: see `rerankq webhook enable`",
        *(event.webhook_id, event.host),
        "wants no more calls" if event.reason == "gone" else "has failed for a day",
    )
