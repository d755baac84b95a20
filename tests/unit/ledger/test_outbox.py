"""When a delivery is tried again, and who may be named."""

import pytest

from rerankq.contract import Callback
from rerankq.errors import InvalidRequest
from rerankq.ledger.outbox import DELAYS, GIVE_UP_SECONDS, SPREAD, check_callbacks, delay_after


def test_tries_go_on_for_a_day() -> None:
    """The delays grow, add up to about a day, and end."""
    assert list(DELAYS) == sorted(DELAYS)
    assert 0.9 * GIVE_UP_SECONDS < sum(DELAYS) < 1.1 * GIVE_UP_SECONDS
    for attempt, delay in enumerate(DELAYS, 1):
        found = delay_after(attempt)
        assert found is not None
        assert delay * (1 - SPREAD) <= found <= delay * (1 + SPREAD)
    assert delay_after(len(DELAYS) + 1) is None


def test_a_receiver_can_ask_for_more_time_within_bounds() -> None:
    """Retry-After makes a delay longer, up to the next one, and never shorter."""
    assert 60 * 0.8 <= (delay_after(1, 3600.0) or 0) <= 60 * 1.2
    assert 30 * 0.8 <= (delay_after(1, 30.0) or 0) <= 30 * 1.2
    assert (delay_after(2, 1.0) or 0) >= 60 * 0.8


def test_a_tenant_names_webhooks_only() -> None:
    """Celery tasks are those of the operator's applications: a tenant cannot send them."""
    task, webhook = Callback(task="shop.tasks.done"), Callback(webhook="wh_1")
    check_callbacks([task, webhook], None)
    check_callbacks([webhook], "acme")
    with pytest.raises(InvalidRequest, match="callbacks"):
        check_callbacks([webhook, task], "acme")
