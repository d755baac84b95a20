"""What a webhook is sent, and how its answer is read."""

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from rerankq.client.webhooks import Delivery, Kind
from rerankq_gateway.webhooks.sender import retry_after_of
from rerankq_gateway.webhooks.signing import body_of, headers_of

NEW, OLD, OTHER = (f"whsec_{each * 43}=" for each in ("A", "E", "I"))
DELIVERY = Delivery(
    kind=Kind.HTTP,
    event="evt_batch_b",
    target="wh_1",
    type="batch.completed",
    id="b",
    created_at=1_767_225_600.9,
    attempt=1,
)


def test_an_event_has_the_form_of_openais() -> None:
    """The body is an event with the id of the batch, and nothing else of it."""
    assert json.loads(body_of(DELIVERY)) == {
        "id": "evt_batch_b",
        "object": "event",
        "created_at": 1_767_225_600,
        "type": "batch.completed",
        "data": {"id": "b"},
    }


def test_a_call_is_signed_by_each_secret() -> None:
    """While a secret is being replaced, receivers with either one accept the call; no others do."""
    body = body_of(DELIVERY)
    headers = headers_of(DELIVERY.event, body, (NEW, OLD), datetime.now(UTC))
    for secret in (NEW, OLD):
        assert Webhook(secret).verify(body, headers) == json.loads(body)
    with pytest.raises(WebhookVerificationError):
        Webhook(OTHER).verify(body, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(NEW).verify(body + b" ", headers)


def test_the_time_of_a_call_does_not_depend_on_the_zone() -> None:
    """A time in any zone gives the same timestamp."""
    now = datetime.now(UTC)
    elsewhere = now.astimezone(tz=None)
    headers = [headers_of("e", b"{}", (NEW,), each) for each in (now, elsewhere)]
    assert headers[0] == headers[1]


def test_retry_after_is_seconds_or_a_time() -> None:
    """Both forms of Retry-After are read; what is neither counts as absent."""
    assert retry_after_of("17") == 17.0
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True)
    assert 90 < (retry_after_of(later) or 0) <= 100
    assert [retry_after_of(each) for each in ("", "soon", "-1", "9" * 400)] == [None] * 4
