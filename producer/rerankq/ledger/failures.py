"""Why a job has no ranking yet: kept in its record while it waits, for its status."""

import math
from dataclasses import dataclass
from typing import Any, Final

MOST_MESSAGE: Final = 200
"""Characters of a message that are kept, because very many jobs may wait."""
MOST_REQUEST_ID: Final = 100
CHEAP_HOURS: Final = "cheap_hours"
"""The code of a job that no call has failed: it waits for hours in which its call costs less."""


@dataclass(frozen=True, slots=True)
class Failure:
    """How the last call failed, or what the job waits for without a call.

    Attributes:
        code: stable name of the reason.
        message: in words; never a document, a query or a key.
        status: HTTP status, if there was one.
        pattern: fingerprint of a malformed answer, by which the same one is recognised.
        repeats: how often in a row that answer came.
        request_id: the upstream's own id of the call.
    """

    code: str
    message: str
    status: int | None = None
    pattern: str = ""
    repeats: int = 0
    request_id: str | None = None

    def stored(self) -> dict[str, Any]:
        """As it is given to the ledger."""
        told: dict[str, Any] = {"code": self.code, "message": _shortened(self.message)}
        if self.status is not None:
            told["status"] = self.status
        if self.pattern:
            told |= {"pattern": self.pattern, "repeats": self.repeats}
        if self.request_id:
            told["request_id"] = self.request_id[:MOST_REQUEST_ID]
        return told


def _shortened(message: str) -> str:
    if len(message) <= MOST_MESSAGE:
        return message
    # Cut at the end of a word: half a word would look like a fault.
    return message[: MOST_MESSAGE - 1].rsplit(" ", 1)[0] + "…"


@dataclass(frozen=True, slots=True)
class Past:
    """The earlier failures of a job, by Redis' clock.

    Attributes:
        failed_seconds: seconds since it was last postponed without a ranking; 0 if it never was.
        failing_seconds: seconds since its first attempt failed; 0 if none did.
        pattern: fingerprint of its last answer, if that was malformed.
        repeats: how often in a row that answer came.
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
    """The failure in a record; None when there is none, or it is damaged."""
    if not isinstance(stored, dict):
        return None
    code, message, status = (stored.get(name) for name in ("code", "message", "status"))
    if not isinstance(code, str) or not isinstance(message, str):
        return None
    known = isinstance(status, int | float) and math.isfinite(status)
    request_id = stored.get("request_id")
    return Failure(
        code,
        message,
        int(status) if known and status else None,
        request_id=request_id if isinstance(request_id, str) else None,
    )
