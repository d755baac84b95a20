"""How `rerankq up` is reached: its ports, and the gateway's token."""

import asyncio
from typing import Final

from rerankq.cli.settings import CommandSettings
from rerankq.cli.stack.ports import free_port, is_free
from rerankq.client import AsyncRerankClient
from rerankq.contract import Scope

_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})


def usual_port(port: int, host: str = "127.0.0.1") -> int:
    """The port if it is free, else a free one."""
    return port if is_free(host, port) else free_port()


def on_loopback(host: str) -> bool:
    """Whether only programs of this machine can connect."""
    return host in _LOOPBACK


def ensured_token(settings: CommandSettings) -> str:
    """Make a token if there is none yet; returns its secret, or "" if there are tokens.

    Raises:
        LedgerUnavailable: Redis cannot be used.
    """

    async def ensure() -> str:
        async with AsyncRerankClient(settings=settings) as client:
            if await client.tokens.list():
                return ""
            made = await client.tokens.create(
                tenant=None, scopes=list(Scope), name="made by rerankq up"
            )
            return made.secret

    return asyncio.run(ensure())


def token_needed(settings: CommandSettings) -> bool:
    """Whether the gateway asks for a token on the loopback too, as there was one before.

    Raises:
        LedgerUnavailable: Redis cannot be used.
    """

    async def look() -> bool:
        async with AsyncRerankClient(settings=settings) as client:
            return await client.tokens.required()

    return asyncio.run(look())
