"""Tokens that the operator sets, beside those that are made in Redis."""

import hashlib
import secrets
from collections.abc import Sequence
from typing import Final, Protocol

from rerankq.contract import Principal
from rerankq_gateway.access.bearer import Registry

_ID_DIGITS: Final = 16


class Tokens(Registry, Protocol):
    """The tokens of the ledger."""

    async def required(self) -> bool:
        """Whether callers need one."""


class SettingsTokens:
    """Tokens of the operator, then those of the ledger.

    They work without Redis, and from the first start on: a deployment needs no step in which
    somebody makes the first token.

    Args:
        own: the tokens of the settings.
        ledger: asked about all others.
    """

    def __init__(self, own: Sequence[str], ledger: Tokens) -> None:
        self._own = [each.encode() for each in own]
        self._ledger = ledger

    async def find(self, secret: str) -> Principal | None:
        """Who has that token; None when there is none."""
        given = secret.encode()
        # Not `any`: the time that it takes must not tell which one is nearly right.
        if sum(secrets.compare_digest(given, each) for each in self._own):
            return Principal(token_id=_id_of(given))
        return await self._ledger.find(secret)

    async def required(self) -> bool:
        """Whether callers need one."""
        return bool(self._own) or await self._ledger.required()


def _id_of(secret: bytes) -> str:
    """The name of a token in the audit trail, made as those of the ledger."""
    return f"tok_{hashlib.sha256(secret).hexdigest()[:_ID_DIGITS]}"
