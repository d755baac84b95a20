"""Why a job has no ranking yet: kept in its record while it waits, so that anyone can see it."""

import math
from dataclasses import dataclass
from typing import Any, Final

MOST_MESSAGE: Final = 200
"""Characters of a message that are kept: there may be very many jobs that wait."""


@dataclass(frozen=True, slots=True)
class Failure:
    """What the last call came to, or what the job waits for without one.

    Attributes:
        code: stable name of the reason.
        message: in words; never a document, a query or a key.
        status: HTTP status, if there was one.
        pattern: fingerprint of a malformed answer, by which it is known again.
        repeats: how often in a row it was that one.
    """

    code: str
    message: str
    status: int | None = None
    pattern: str = ""
    repeats: int = 0

    def stored(self) -> dict[str, Any]:
        """As it is given to the ledger."""
        told: dict[str, Any] = {"code": self.code, "message": _shortened(self.message)}
        if self.status is not None:
            told["status"] = self.status
        if self.pattern:
            told |= {"pattern": self.pattern, "repeats": self.repeats}
        return told


def _shortened(message: str) -> str:
    if len(message) <= MOST_MESSAGE:
        return message
    # At the end of a word: half of one would read like a fault of ours.
    return message[: MOST_MESSAGE - 1].rsplit(" ", 1)[0] + "…"


@dataclass(frozen=True, slots=True)
class Past:
    """What a job has met before, by Redis' clock.

    Attributes:
        failed_seconds: since it last came back without a ranking; 0 where it never did.
        failing_seconds: since its first attempt failed; 0 where none did.
        pattern: fingerprint of its last answer, if that was malformed.
        repeats: how often in a row it was that one.
    """

    failed_seconds: float = 0.0
    failing_seconds: float = 0.0
    pattern: str = ""
    repeats: int = 0


NO_PAST: Final = Past()


def past_from(failed_ms: int, failing_ms: int, pattern: bytes, repeats: int) -> Past:
    """What `claim.lua` tells of a job that was tried before."""
    name = pattern.decode(errors="replace")
    return Past(max(0, failed_ms) / 1000, max(0, failing_ms) / 1000, name, repeats)


def failure_from(stored: Any) -> Failure | None:
    """What a record says of a failure; None where it says none, or nonsense."""
    if not isinstance(stored, dict):
        return None
    code, message, status = (stored.get(name) for name in ("code", "message", "status"))
    if not isinstance(code, str) or not isinstance(message, str):
        return None
    known = isinstance(status, int | float) and math.isfinite(status)
    return Failure(code, message, int(status) if known and status else None)
