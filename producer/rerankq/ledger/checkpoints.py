"""What the calls of a job have brought, while the job still needs others: kept under its lease."""

from typing import Final

from rerankq.ledger.leases import Lease
from rerankq.ledger.scripts import CHECKPOINT
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

    async def keep(self, lease: Lease, part: str, scores: bytes) -> bool:
        """Keep what a call has brought; False when the job is no longer this worker's.

        Args:
            lease: the job.
            part: name of the call, the same whenever it is made for the same documents.
            scores: what it has brought.
        """
        keep_ms = int(KEEP_SECONDS * 1000)
        return await self._store.run(CHECKPOINT(lease.job_id, lease.token, part, keep_ms, scores))

    async def kept(self, job_id: str) -> list[bytes]:
        """What calls of earlier attempts at a job have brought."""
        return list(await self._store.command("HVALS", self._store.keys.parts(job_id)))
