"""Whom a request acts for, and what it may do."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Scope(StrEnum):
    """What a token allows."""

    SUBMIT = "submit"
    READ = "read"
    OPERATE = "operate"


@dataclass(frozen=True, slots=True)
class Principal:
    """Whom a request acts for.

    Attributes:
        token_id: of the token; empty for a request without one.
        tenant: None for the operator, who sees all.
        scopes: what it may do.
        on_failure: what a rerank call answers when no ranking comes; None: as the gateway is set.
    """

    token_id: str
    tenant: str | None
    scopes: frozenset[Scope]
    on_failure: str | None = None


OPERATOR: Final = Principal("", None, frozenset(Scope))
"""Whoever calls a gateway that listens on the loopback only, and has no tokens."""
