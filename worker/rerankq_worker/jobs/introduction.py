"""Tells Redis of this worker's version, so that `rerankq doctor` sees workers of mixed versions."""

import asyncio
from contextlib import suppress
from importlib.metadata import version

from rerankq.errors import LedgerUnavailable
from rerankq.ledger.presence import RECORD_SECONDS, Presence


async def introduce(presence: Presence, worker: str) -> None:
    """Tell it again and again until cancelled, as Redis may lose it.

    Args:
        presence: the workers that Redis knows.
        worker: this worker's name there.
    """
    own = version("rerankq")
    while True:
        # Others tell of a Redis that does not answer.
        with suppress(LedgerUnavailable):
            await presence.introduce(worker, own)
        await asyncio.sleep(RECORD_SECONDS / 3)
