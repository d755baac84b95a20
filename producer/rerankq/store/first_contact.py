"""Whether Redis can be used, asked once before anything is built upon it."""

import asyncio
from typing import Final, NamedTuple

from rerankq.errors import LedgerUnavailable, SettingsError
from rerankq.store.script import FLAG, Script
from rerankq.store.store import Store

LOOK_SECONDS: Final = 5.0
"""A Redis that is silent for longer may come back: whoever starts has patience of its own."""


class _NoArguments(NamedTuple):
    pass


_FIRST_CONTACT: Final = Script(
    "rerankq.store", "first_contact", _NoArguments, keys=("lane", "first_contact"), reply=FLAG
)


async def look(url: str, namespace: str = "", *, writes: bool = True) -> LedgerUnavailable | None:
    """What stands in the way of using Redis now; None when nothing does.

    Args:
        url: its address.
        namespace: what keys begin with there.
        writes: whether whoever starts writes to the ledger. If not, an answer is enough.

    Raises:
        SettingsError: it cannot be used until the address or the server's set-up is changed.
    """
    async with Store(url, namespace) as store:
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                if writes:
                    await store.run(_FIRST_CONTACT())
                else:
                    await store.command("PING")
        except LedgerUnavailable as problem:
            if problem.lasting:
                raise SettingsError(str(problem)) from None
            return problem
        except TimeoutError:
            return LedgerUnavailable(f"Redis at {store.address} does not answer in time")
    return None
