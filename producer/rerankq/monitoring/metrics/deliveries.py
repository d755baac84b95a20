"""Counts what becomes of webhooks and callbacks."""

from collections.abc import Callable
from typing import Final

from prometheus_client import Counter

from rerankq.events import (
    CallbackDelivered,
    CallbackFailed,
    Event,
    Events,
    WebhookDelivered,
    WebhookDisabled,
    WebhookFailed,
)
from rerankq.monitoring.metrics import catalogue
from rerankq.monitoring.metrics.registry import Metrics

_COUNTED: Final[tuple[tuple[type[Event], str, str], ...]] = (
    (WebhookDelivered, "http", "delivered"),
    (WebhookFailed, "http", "failed"),
    (WebhookDisabled, "http", "disabled"),
    (CallbackDelivered, "celery", "delivered"),
    (CallbackFailed, "celery", "failed"),
)


def count_deliveries(metrics: Metrics, events: Events) -> None:
    """Count tries: gateways tell of webhooks, and workers of callbacks."""
    tries = metrics.counter(catalogue.DELIVERED)
    for event, kind, outcome in _COUNTED:
        events.listen(_counting(tries.labels(kind, outcome)), event)


def _counting(counter: Counter) -> Callable[[Event], None]:
    return lambda _: counter.inc()
