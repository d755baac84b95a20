"""Whom a request acts for, and what it may do."""

from typing import Final

from rerankq.contract import Principal, Scope

OPERATOR: Final = Principal()
"""Whoever calls a gateway that listens on the loopback only, while there are no tokens."""

ACTING: Final = (Scope.SUBMIT, Scope.OPERATE)
"""Either allows to pause, resume, cancel and retry jobs and batches that the caller may see."""

__all__ = ["ACTING", "OPERATOR", "Principal", "Scope"]
