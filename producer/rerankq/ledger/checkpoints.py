"""What the calls of a job have brought, while the job still needs others: kept under its lease."""

from collections.abc import Sequence
from typing import Final

from rerankq.ledger.leases import Lease
from rerankq.ledger.scripts import BEGIN_PARTS, CHECKPOINT
from rerankq.ledger.usage import CallUsage, entries
from rerankq.store.store import Store

KEEP_SECONDS: Final = 24 * 3600.0
"""How long a job's checkpoints are kept after the last one, if the job does not end before: longer
than an account is usually paused."""


class Checkpoints:
    """The checkpoints in Redis. Every call raises LedgerUnavailable when Redis cannot be used.

    Args:
        store: the ledger's Redis.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    async def begin(self, lease: Lease, most_calls: int) -> list[bytes]:
        """What calls of earlier attempts have brought, for an attempt that begins.

        Args:
            lease: the job.
            most_calls: how many calls at once are made for it.
        """
        parts = "HVALS", self._store.keys.parts(lease.job_id)
        begun = BEGIN_PARTS(lease.job_id, lease.token, most_calls)
        _, kept = await self._store.run_ahead_of(parts, begun)
        return list(kept)

    async def keep(
        self, lease: Lease, part: str, scores: bytes, used: Sequence[CallUsage] = ()
    ) -> bool:
        """Keep what a call has brought; False when the job is no longer this worker's.

        Args:
            lease: the job.
            part: name of the call, the same whenever it is made for the same documents.
            scores: what it has brought.
            used: what it has used, and calls before it that are not counted yet.
        """
        keep_ms = int(KEEP_SECONDS * 1000)
        told = entries(used)
        call = CHECKPOINT(lease.job_id, lease.token, part, keep_ms, told, scores)
        return await self._store.run(call)

    async def kept(self, job_id: str) -> list[bytes]:
        """What calls of earlier attempts at a job have brought."""
        return list(await self._store.command("HVALS", self._store.keys.parts(job_id)))
