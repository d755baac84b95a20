"""Sessions of people who signed in to the gateway's console with a token.

A browser holds a random name of its session, never the token; Redis holds the SHA-256 of both. A
session ends with its token: at once when that is revoked, and when it expires.
"""

import hashlib
import re
import secrets
from typing import Final

from rerankq.contract import Principal
from rerankq.ledger.tokens import Tokens, digest_of
from rerankq.store.store import Store

SESSION_SECONDS: Final = 12 * 3600
"""A working day: then a person signs in again."""
_NAME: Final = re.compile(r"[A-Za-z0-9_-]{43}")


class Sessions:
    """The sessions. Every call raises LedgerUnavailable when Redis cannot be used.

    Args:
        store: where they are.
        tokens: those that they stand for.
    """

    def __init__(self, store: Store, tokens: Tokens) -> None:
        self._store = store
        self._tokens = tokens

    async def begin(self, secret: str) -> str | None:
        """A new session for who has that token; None when no token is that one.

        Returns:
            The session's name, 43 characters; whoever knows it acts for the token.
        """
        if await self._tokens.find(secret) is None:
            return None
        name = secrets.token_urlsafe(32)
        key = self._store.keys.session(_digest(name))
        await self._store.command("SET", key, digest_of(secret), "PX", SESSION_SECONDS * 1000)
        return name

    async def find(self, name: str) -> Principal | None:
        """Whom that session acts for; None when it is over, or its token is."""
        if not _NAME.fullmatch(name):
            return None
        (token,) = await self._store.readings(("GET", self._store.keys.session(_digest(name))))
        return None if token is None else await self._tokens.holder(token.decode(errors="replace"))

    async def end(self, name: str) -> None:
        """End a session; one that is over already stays so."""
        await self._store.command("DEL", self._store.keys.session(_digest(name)))


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()
