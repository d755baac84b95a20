"""Gives up on a Redis that no worker ever used: most often it is the wrong one."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from rerankq.cli.failures import CommandError
from rerankq.client import AsyncRerankClient
from rerankq.errors import LedgerUnavailable

UNSERVED_SECONDS: Final = 30.0
ASK_SECONDS: Final = 2.0


class NoWorker(CommandError):
    """No worker ever used this Redis."""

    code = "no_worker"


async def give_up_unserved(client: AsyncRerankClient, has_end: Callable[[], bool]) -> None:
    """Return once a worker has used this Redis, now or earlier, or a job has ended.

    Raises:
        NoWorker: neither has happened for `UNSERVED_SECONDS`.
    """
    clock = asyncio.get_running_loop().time
    give_up = clock() + UNSERVED_SECONDS
    while not has_end():
        with suppress(LedgerUnavailable):  # feeding and collecting notice a long outage
            if await client.operations.presence.has_had_workers():
                return
            if clock() > give_up:
                raise NoWorker(
                    "no worker has ever used this Redis, and none came within "
                    f"{UNSERVED_SECONDS:g} s: start `rerankq worker` with this RERANKQ_REDIS_URL, "
                    "or correct it here (--timeout SECONDS waits longer)"
                )
        await asyncio.sleep(ASK_SECONDS)
