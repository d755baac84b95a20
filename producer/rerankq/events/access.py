"""Events of the tokens that open the service over HTTP."""

from dataclasses import dataclass
from typing import ClassVar

from rerankq.events.event import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenCreated(Event):
    """An operator has made a token.

    Attributes:
        token_id: its id, which opens nothing.
        tenant: whose it is; None for the operator's.
    """

    name: ClassVar[str] = "token.created"
    token_id: str
    tenant: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRevoked(Event):
    """An operator has revoked a token.

    Attributes:
        token_id: its id.
        tenant: whose it was; None for the operator's.
    """

    name: ClassVar[str] = "token.revoked"
    token_id: str
    tenant: str | None
