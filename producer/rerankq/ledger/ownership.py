"""Whose jobs and batches are whose: a tenant sees its own, and hears of no other."""

from collections.abc import Collection
from typing import Final

import orjson

from rerankq.errors import BatchNotFound, JobNotFound
from rerankq.store.store import Store

PORTION: Final = 1000
MOST_REMEMBERED: Final = 1000
"""Batches whose owner a client remembers: it never changes."""


class Ownership:
    """Refuses what is another's, with the same words as for what does not exist.

    Args:
        store: the ledger's Redis.
        tenant: who asks; None for the operator, to whom all is open: then Redis is not asked.
    """

    def __init__(self, store: Store, tenant: str | None) -> None:
        self._store = store
        self._keys = store.keys
        self._own_batches: dict[str, None] = {}
        self.tenant = tenant

    async def check(self, job_id: str) -> None:
        """Refuse a job of another.

        Raises:
            JobNotFound: it is another's, or there is none.
            LedgerUnavailable: Redis did not answer.
        """
        if await self.strangers([job_id]):
            raise unknown_job(job_id)

    async def strangers(self, job_ids: Collection[str]) -> set[str]:
        """Those of the jobs that are another's, or that do not exist.

        Raises:
            LedgerUnavailable: Redis did not answer.
        """
        if self.tenant is None:
            return set()
        found: set[str] = set()
        ids = list(job_ids)
        for start in range(0, len(ids), PORTION):
            portion = ids[start : start + PORTION]
            stored = await self._store.command("MGET", *map(self._keys.job, portion))
            owners = zip(portion, map(_tenant_of, stored), strict=True)
            found |= {job_id for job_id, tenant in owners if tenant != self.tenant}
        return found

    async def check_batch(self, batch_id: str) -> None:
        """Refuse a batch of another.

        Raises:
            BatchNotFound: it is another's, or there is none.
            LedgerUnavailable: Redis did not answer.
        """
        if self.tenant is None or batch_id in self._own_batches:
            return
        (tenant,) = await self._store.readings(("HGET", self._keys.batch(batch_id), "tenant"))
        if tenant is None or tenant.decode(errors="replace") != self.tenant:
            raise BatchNotFound(
                f"no batch has the id {batch_id}: check the id; the batch may be past its retention"
            )
        if len(self._own_batches) >= MOST_REMEMBERED:
            self._own_batches.clear()
        self._own_batches[batch_id] = None


def unknown_job(job_id: str) -> JobNotFound:
    """The error for a job that does not exist."""
    return JobNotFound(f"no job has the id {job_id}: check the id; it may be past its retention")


def _tenant_of(record: bytes | None) -> str | None:
    """Whose job it is; None for the operator's, and for one without a readable record."""
    try:
        fields = orjson.loads(record or b"{}")
    except orjson.JSONDecodeError:
        return None
    tenant = fields.get("tenant") if isinstance(fields, dict) else None
    return tenant if isinstance(tenant, str) else None
