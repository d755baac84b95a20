"""Jobs that the sweep took out of their lanes: what only their records could have led to."""

from collections.abc import Sequence
from typing import Final

from rerankq.contract import Job
from rerankq.errors import InvalidRequest
from rerankq.ledger import payload
from rerankq.store.store import Argument, Retention, Store

PAGE: Final = 20
"""Payloads read at once: they can be large."""


async def release(store: Store, retention: Retention, job_ids: Sequence[str]) -> None:
    """Give the idempotency keys of jobs without a record a time to go, as their payloads have one.

    The payload alone says still which key that was.

    Raises:
        LedgerUnavailable: Redis did not answer.
    """
    for start in range(0, len(job_ids), PAGE):
        page = job_ids[start : start + PAGE]
        stored = await store.command("MGET", *map(store.keys.payload, page))
        keys: list[Argument] = []
        for job_id, asked in zip(page, stored, strict=True):
            if key := _key(asked):
                keys += (job_id, key)
        if keys:
            await store.run("release", retention.arguments()[1], *keys)


def _key(asked: bytes | None) -> str | None:
    try:
        return None if asked is None else Job.parse(payload.unpacked(asked)).idempotency_key
    except InvalidRequest:
        return None
