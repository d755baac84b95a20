"""The breakers that a worker knows to be open: what its jobs are told."""

from typing import cast

import pytest

from rerankq.accounts.breakers import BreakerState, SharedBreakers, TrippedBreaker
from rerankq_worker.limits.breaker_view import BreakerView
from running.fake_limits import allotment


@pytest.mark.parametrize(
    ("state", "told"),
    [
        (BreakerState.PAUSED, "the account is paused: maintenance"),
        (BreakerState.PARKED, "maintenance"),
    ],
)
def test_a_job_is_told_that_an_account_is_paused(state: BreakerState, told: str) -> None:
    """An operator's reason may be any text, so the message says that the account is paused."""
    breaker = TrippedBreaker(state, "paused", "maintenance", 1, 0, 0, 0, 0)
    view = BreakerView(cast("SharedBreakers", None))
    view.hear(allotment(tripped={"account a": breaker}))
    barrier = view.barrier(("account a",), "model m")
    assert str(barrier) == told
