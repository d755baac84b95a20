"""Events of webhooks and callbacks: what became of each try to tell a user of an end.

Gateways tell those of webhooks, and workers those of callbacks, once the ledger has noted the try.
"""

from dataclasses import dataclass
from typing import ClassVar

from rerankq.events.event import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookDelivered(Event):
    """A receiver has answered the call of its webhook with 2xx.

    Attributes:
        webhook_id: the webhook's id.
        host: of its URL. The rest of it is never told: it may hold a secret of the receiver's.
        event_id: id of the event that the receiver was told of; the same in each try.
        event_type: of that event, such as `batch.completed`.
        traceparent: the span that the job was submitted in; None for ends of batches.
        tries: calls for this event so far, this one included.
        status: HTTP status of the answer.
        seconds: how long the call took.
    """

    name: ClassVar[str] = "webhook.delivered"
    webhook_id: str
    host: str
    event_id: str
    event_type: str
    tries: int
    status: int
    seconds: float
    traceparent: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookFailed(Event):
    """The call of a webhook failed: there was no answer, or one that is not 2xx.

    Attributes:
        webhook_id: the webhook's id.
        host: of its URL.
        event_id: id of the event that the receiver was to be told of.
        event_type: of that event.
        traceparent: the span that the job was submitted in; None for ends of batches.
        tries: calls for this event so far, this one included.
        status: HTTP status of the answer; None when there was none.
        seconds: how long the call took.
        message: what went wrong, in words; nothing of the answer but its status.
        delay_seconds: after how long it is called again; None when this event is given up.
    """

    name: ClassVar[str] = "webhook.failed"
    webhook_id: str
    host: str
    event_id: str
    event_type: str
    tries: int
    status: int | None
    seconds: float
    message: str
    delay_seconds: float | None
    traceparent: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookDisabled(Event):
    """A webhook is called no more until somebody enables it. `webhook.failed` was told before.

    Attributes:
        webhook_id: the webhook's id.
        host: of its URL.
        event_id: id of the event whose call was the last.
        tries: calls for that event.
        status: HTTP status of the last answer; None when there was none.
        reason: `gone` when the receiver answered 410, `failing` when each call failed for a day.
    """

    name: ClassVar[str] = "webhook.disabled"
    webhook_id: str
    host: str
    event_id: str
    tries: int
    status: int | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackDelivered(Event):
    """A Celery task of a user's application was sent to its broker.

    Attributes:
        task: name of the task.
        queue: its queue; None for Celery's default.
        event_id: id of the event; also the id of the task.
        event_type: of that event, such as `job.succeeded`.
        traceparent: the span that the job was submitted in; None for ends of batches.
        tries: tries for this event so far, this one included.
        seconds: how long the broker took.
    """

    name: ClassVar[str] = "callback.delivered"
    task: str
    queue: str | None
    event_id: str
    event_type: str
    tries: int
    seconds: float
    traceparent: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackFailed(Event):
    """The broker of a user's application did not take a Celery task.

    Attributes:
        task: name of the task.
        queue: its queue; None for Celery's default.
        event_id: id of the event.
        event_type: of that event.
        traceparent: the span that the job was submitted in; None for ends of batches.
        tries: tries for this event so far, this one included.
        seconds: how long it took.
        message: what went wrong, in words, without the broker's address.
        delay_seconds: after how long it is tried again; None when this event is given up.
    """

    name: ClassVar[str] = "callback.failed"
    task: str
    queue: str | None
    event_id: str
    event_type: str
    tries: int
    seconds: float
    message: str
    delay_seconds: float | None
    traceparent: str | None = None
