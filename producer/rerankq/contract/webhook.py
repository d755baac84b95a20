"""A webhook: a URL of the user's that is told of ends. Times are Unix seconds by Redis' clock."""

from enum import StrEnum
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, StringConstraints

from rerankq.contract.batch import TenantName
from rerankq.contract.message import Message

MAX_URL: Final = 2048
MAX_WEBHOOKS: Final = 100
"""Most webhooks of a tenant."""


class WebhookEvent(StrEnum):
    """What a webhook can hear of without being named: the ends of its tenant's batches."""

    BATCH_COMPLETED = "batch.completed"
    BATCH_FAILED = "batch.failed"
    BATCH_CANCELLED = "batch.cancelled"
    BATCH_EXPIRED = "batch.expired"


class Disabled(StrEnum):
    """Why a webhook is not called any more."""

    GONE = "gone"
    """Its receiver answered 410."""
    FAILING = "failing"
    """Each call failed for a day."""


class TryOutcome(StrEnum):
    """How one call of a webhook went."""

    DELIVERED = "delivered"
    FAILED = "failed"
    GONE = "gone"


def _is_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError("is no valid URL") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or port == 0:
        raise ValueError("must be a URL as in https://example.com/path")
    if "@" in parts.netloc:
        raise ValueError("must not hold a user or a password: the signature shows who calls")
    if parts.fragment:
        raise ValueError("must not have a part behind #")
    if not url.isascii() or any(each.isspace() for each in url):
        raise ValueError("must be ASCII without blanks: encode other characters")
    return url


class Webhook(Message):
    """A webhook without its secret, which nobody can read again.

    Attributes:
        id: its id.
        tenant: whose it is; None for the operator's, which hears of all tenants' batches.
        url: what is called.
        events: what it hears of without being named by a job or a batch.
        disabled: why it is not called any more; None while it is.
        failing_since: since when each call has failed; None after one that did not.
        pending: deliveries that wait.
        dropped: ends that it was not told of, because too many deliveries waited.
    """

    id: str
    tenant: TenantName | None = None
    url: Annotated[str, StringConstraints(max_length=MAX_URL), AfterValidator(_is_url)]
    events: tuple[WebhookEvent, ...] = tuple(WebhookEvent)
    created_at: float = 0.0
    disabled: Disabled | None = None
    failing_since: float | None = None
    pending: int = 0
    dropped: int = 0


class NewWebhook(Webhook):
    """A webhook with a new secret: the only time that it is given out."""

    secret: str = Field(repr=False)


class WebhookTry(Message):
    """One call of a webhook.

    Attributes:
        event_id: the event's id, the same in each try; the receiver's `webhook-id`.
        type: of the event.
        at: when it began.
        attempt: its number, from 1.
        outcome: how it went.
        status: the receiver's answer; None when there was none.
        ms: how long it took.
        reason: what went wrong; empty when nothing did.
        again_in: after how many seconds it is tried again; None when it is not.
    """

    event_id: str
    type: str
    at: float
    attempt: int
    outcome: TryOutcome
    status: int | None = None
    ms: int = 0
    reason: str = ""
    again_in: float | None = None
