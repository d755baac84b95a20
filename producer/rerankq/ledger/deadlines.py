"""When a job expires."""

from rerankq.ledger.record_fields import record_from
from rerankq.store.store import Store


async def deadline_of(store: Store, job_id: str) -> float | None:
    """The deadline of a job, its own or its batch's, in Unix seconds; None if it has none.

    Raises:
        LedgerUnavailable: Redis cannot be used.
    """
    (stored,) = await store.command("MGET", store.keys.job(job_id))
    deadline_ms = record_from(stored).get("deadline")
    return None if deadline_ms is None else deadline_ms / 1000
