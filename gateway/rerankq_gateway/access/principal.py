"""Whom a request acts for, and what it may do."""

from typing import Final

from rerankq.contract import Principal, Scope

OPERATOR: Final = Principal()
"""Whoever calls a gateway that listens on the loopback only, while there are no tokens."""

__all__ = ["OPERATOR", "Principal", "Scope"]
