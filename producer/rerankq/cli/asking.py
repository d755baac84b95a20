"""Runs one call of the client, for commands without an event loop."""

import asyncio
import getpass
import os
import socket
from collections.abc import Awaitable, Callable
from typing import TypeVar

from rerankq.cli.settings import load
from rerankq.client import AsyncRerankClient
from rerankq.history.audit import Actor

T = TypeVar("T")


def ask(question: Callable[[AsyncRerankClient], Awaitable[T]]) -> T:
    """Open a client, run the question, and close the client.

    Raises:
        RerankqError: the settings are wrong, or the question raises it.
    """
    return _asked(question)


def act(
    action: str,
    subject: str | Callable[[T], str],
    question: Callable[[AsyncRerankClient], Awaitable[T]],
    **details: object,
) -> T:
    """The same for a command that changes something: it is noted in the audit trail.

    Args:
        action: what is done, such as `batch.pause`.
        subject: the id or name that it is done to, or what tells it from the answer.
        question: does it.
        **details: more about it; None is left out. Never a secret.
    """

    async def acted(client: AsyncRerankClient) -> T:
        named = subject if isinstance(subject, str) else ""
        async with client.audit.act(_actor(client.tenant), action, named, **details) as done:
            answer = await question(client)
            if not isinstance(subject, str):
                done.subject = subject(answer)
            return answer

    return _asked(acted)


def _actor(tenant: str | None) -> Actor:
    try:
        user = getpass.getuser()
    except (KeyError, OSError, ImportError):  # this user has no name, as in some containers
        user = str(os.getuid()) if hasattr(os, "getuid") else "unknown"
    return Actor(f"{user}@{socket.gethostname()}", "command", tenant)


def _asked(question: Callable[[AsyncRerankClient], Awaitable[T]]) -> T:
    settings = load()

    async def asked() -> T:
        async with AsyncRerankClient(settings=settings) as client:
            return await question(client)

    return asyncio.run(asked())
