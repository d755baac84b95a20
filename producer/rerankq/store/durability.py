"""Whether Redis is configured to keep its data: accepted jobs exist nowhere else."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any, Final

from rerankq.errors import LedgerUnavailable
from rerankq.store.store import Store

log = logging.getLogger(__name__)

NO_AOF: Final = "has no append-only file, and loses jobs when it ends: set appendonly yes"
LOOK_SECONDS: Final = 5.0
"""How long it waits for the answer."""


async def warn_of_losses(store: Store) -> None:
    """Log a warning for each setting by which Redis may lose accepted jobs.

    Without an answer, or if this user may not ask, there is no warning.
    """
    try:
        async with asyncio.timeout(LOOK_SECONDS):
            memory, persistence = await store.commands(("INFO", "memory"), ("INFO", "persistence"))
    except (LedgerUnavailable, TimeoutError):
        log.debug("Redis does not tell its settings: check that it has AOF and noeviction")
        return
    for warning in losses(memory, persistence):
        log.warning("Redis at %s %s", store.address, warning)


def losses(memory: Mapping[str, Any], persistence: Mapping[str, Any]) -> list[str]:
    """What may be lost, and what to do, from two sections of INFO.

    Source: https://redis.io/docs/latest/commands/info/
    """
    found = []
    policy = memory.get("maxmemory_policy", "noeviction")
    if policy != "noeviction":
        found.append(
            f"drops keys when its memory is full, jobs too (maxmemory-policy {policy}): "
            "set maxmemory-policy noeviction"
        )
    if not persistence.get("aof_enabled", 1):
        found.append(NO_AOF)
    return found
