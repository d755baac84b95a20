"""The token of a request, and who has it."""

import time
from collections.abc import Mapping
from typing import Final, Protocol

from rerankq.contract import Principal

FRESH_SECONDS: Final = 5.0
"""So long a token that was found is believed: a revoked one works no longer than that."""
_MOST_KNOWN: Final = 10_000
_LONGEST_KNOWN: Final = 256
"""Longer than a token, or a vendor's key: what is longer, anybody could fill the memory with."""
_BARE: Final = (b"x-api-key", b"api-key")
_BEARER: Final = b"bearer "


class Registry(Protocol):
    """The tokens of the ledger."""

    async def find(self, secret: str) -> Principal | None:
        """Who has that token; None when there is none."""


class KnownTokens:
    """Remembers for a few seconds who has which token, so that Redis is not asked each time.

    Args:
        registry: asked about tokens that are not known.
    """

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._known: dict[str, tuple[float, Principal | None]] = {}

    async def holder(self, secret: str) -> Principal | None:
        """Who has that token; None when there is none.

        Raises:
            LedgerUnavailable: Redis did not answer.
        """
        now = time.monotonic()
        known = self._known.get(secret)
        if known and now - known[0] < FRESH_SECONDS:
            return known[1]
        found = await self._registry.find(secret)
        if len(self._known) >= _MOST_KNOWN:
            self._known.clear()
        # Also that there is none: clients of a gateway without tokens send some key all the same.
        # None can become known later, as nobody can send a token before it was made.
        if len(secret) <= _LONGEST_KNOWN:
            self._known[secret] = now, found
        return found

    def forget(self, secret: str) -> None:
        """Ask the registry anew when that one comes again."""
        self._known.pop(secret, None)


def secret_in(headers: Mapping[bytes, bytes]) -> str | None:
    """The token that a request carries: bare or as `Bearer`, or in a header of its own."""
    given = headers.get(b"authorization", b"").strip()
    if given[: len(_BEARER)].lower() == _BEARER:
        given = given[len(_BEARER) :].strip()
    for name in _BARE:
        given = given or headers.get(name, b"").strip()
    return given.decode("latin-1") or None
