"""The body and the headers of a call, as Standard Webhooks and OpenAI's clients have them."""

from collections.abc import Sequence
from datetime import UTC, datetime

import orjson
from standardwebhooks import Webhook

from rerankq.client.webhooks import Delivery


def body_of(delivery: Delivery) -> bytes:
    """The body: an event, with nothing of the job or the batch but its id."""
    return orjson.dumps(
        {
            "id": delivery.event,
            "object": "event",
            "created_at": int(delivery.created_at),
            "type": delivery.type,
            "data": {"id": delivery.id},
        }
    )


def headers_of(event: str, body: bytes, secrets: Sequence[str], now: datetime) -> dict[str, str]:
    """The headers by which the receiver knows who calls, and which event it is.

    Args:
        event: the event's id.
        body: what is signed.
        secrets: one, or two while one is being replaced: the receiver may have either.
        now: when the call is made; receivers refuse old ones.
    """
    at = now.astimezone(UTC)
    signed = (Webhook(each).sign(event, at, body.decode()) for each in secrets)
    return {
        "content-type": "application/json",
        "user-agent": "rerankq",
        "webhook-id": event,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signed),
    }
