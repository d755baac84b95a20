"""Whether Redis can be used: checked once at the start of a program."""

import asyncio
from typing import Final, NamedTuple

from rerankq.errors import LedgerUnavailable, SettingsError
from rerankq.store.script import FLAG, Script
from rerankq.store.store import Store
from rerankq.store.write_concern import IN_MEMORY, WriteConcern

LOOK_SECONDS: Final = 5.0
"""How long it waits for an answer; later the program itself waits for Redis to come back."""


class _NoArguments(NamedTuple):
    pass


FIRST_CONTACT: Final = Script(
    *("rerankq.store", "first_contact", _NoArguments),
    keys=("lane", "first_contact"),
    reply=FLAG,
)
FIRST_PROMISE: Final = Script(
    *("rerankq.store", "first_contact", _NoArguments),
    keys=("lane", "first_contact"),
    reply=FLAG,
    is_promise=True,
)
"""The same, and it waits for what promises must survive."""


async def look(
    url: str, namespace: str = "", *, writes: bool = True, concern: WriteConcern = IN_MEMORY
) -> LedgerUnavailable | None:
    """Why Redis cannot be used now; None when it can.

    Args:
        url: its address.
        namespace: what keys begin with there.
        writes: whether the program writes to the ledger. If not, any answer is enough.
        concern: what its promises must survive.

    Raises:
        SettingsError: it cannot be used until the address or the server's set-up is changed.
    """
    async with Store(url, namespace, concern=concern) as store:
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                if writes:
                    await store.run(FIRST_PROMISE())
                else:
                    await store.command("PING")
        except LedgerUnavailable as problem:
            if problem.lasting:
                raise SettingsError(str(problem)) from None
            return problem
        except TimeoutError:
            return LedgerUnavailable(f"Redis at {store.address} does not answer in time")
    return None
