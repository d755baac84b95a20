"""Tells of batches that a script has ended: the process whose script it was, once."""

from collections.abc import Sequence
from typing import Any

from rerankq.contract import BatchState
from rerankq.events import BatchEnded, Events
from rerankq.ledger.batch_status import COUNTS


def tell_of_ended(events: Events, rows: Sequence[Any]) -> None:
    """Tell of each batch.

    Args:
        events: who listens.
        rows: from a script: each `[id, state, counts…]`, as `batches/ended.lua` says.
    """
    if not rows or BatchEnded not in events.wanted:
        return
    for batch_id, state, *counts in rows:
        named = dict(zip(COUNTS, counts, strict=True))
        events.tell(
            BatchEnded(
                batch_id=batch_id.decode(errors="replace"),
                state=BatchState(state.decode()),
                **named,
            )
        )
