"""Cancelling a batch, which may take longer than its caller waits."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from rerankq.errors import LedgerUnavailable
from rerankq_gateway.batches import cancelling
from rerankq_gateway.batches.cancelling import Cancelling


class SlowBatch:
    """A batch whose jobs take long to end.

    Args:
        is_recorded: whether the ledger knows already that it is cancelled.
    """

    id = "batch-1"

    def __init__(self, *, is_recorded: bool) -> None:
        self._cancelled_at = 7.0 if is_recorded else None

    async def cancel(self) -> int:
        """Cancel it."""
        await asyncio.sleep(60)
        return 0

    async def status(self) -> SimpleNamespace:
        """How it stands."""
        return SimpleNamespace(cancelled_at=self._cancelled_at)


def test_what_is_not_recorded_is_not_confirmed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Redis may be full, and the gateway may end before there is room again."""
    monkeypatch.setattr(cancelling, "_PATIENCE_SECONDS", 0.01)

    def cancel(batch: Any) -> None:
        asyncio.run(Cancelling().cancel(batch))

    cancel(SlowBatch(is_recorded=True))
    with pytest.raises(LedgerUnavailable, match="cancel it again"):
        cancel(SlowBatch(is_recorded=False))
