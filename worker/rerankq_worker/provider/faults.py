"""What an error answer means: by the body's code first, by the status second.

Error bodies vary: `{"error": {message, type, code}}`, flat `{"code", "message"}`,
`{"detail": …}`, HTML, or nothing at all; the code may be empty, null or a number.
"""

import email.utils
import time
from dataclasses import dataclass
from typing import Any, Final

import orjson

from rerankq.contract import RerankRequest
from rerankq_worker.upstream import (
    BadAccount,
    Malformed,
    Refused,
    Throttled,
    TooLarge,
    Transient,
    UpstreamError,
)

MOST_WORDS: Final = 200
REPEATED_CHARACTERS: Final = 16
MOST_RETRY_AFTER: Final = 3600.0

_BY_CODE: Final[dict[str, type[UpstreamError]]] = {
    "rate_limit": Throttled,
    "RateLimitReached": Throttled,
    "invalid_request": Refused,
    "insufficient_user_quota": BadAccount,
    "pre_consume_token_quota_failed": BadAccount,
    "quota_not_enough": BadAccount,
}

_BY_STATUS: Final[dict[int, type[UpstreamError]]] = {
    400: Refused,
    401: BadAccount,
    403: BadAccount,
    404: Refused,
    408: Transient,
    413: TooLarge,
    422: Refused,
    429: Throttled,
}


@dataclass(frozen=True, slots=True)
class ErrorAnswer:
    """An answer with a status other than 200.

    Attributes:
        retry_after: the Retry-After header.
        date: the Date header: a Retry-After that is a date is meant by the sender's clock.
        request_id: the upstream's own id of the call.
    """

    status: int
    body: bytes
    retry_after: str | None = None
    date: str | None = None
    request_id: str | None = None


def fault(answer: ErrorAnswer, request: RerankRequest, *, key: str = "") -> UpstreamError:
    """The error that an answer stands for; its message holds nothing of `request` or `key`."""
    code, words = _read(answer.body)
    status, request_id = answer.status, answer.request_id
    kind = _BY_CODE.get(code) or _BY_STATUS.get(status) or _by_class(status)
    message = f"the upstream answered {status}{_quoted(words, request, key)}"
    if kind is Throttled:
        wait = _seconds(answer.retry_after, answer.date)
        return Throttled(message, retry_after=wait, status=status, request_id=request_id)
    return kind(message, status=status, request_id=request_id)


def error_in_answer(body: Any) -> bool:
    """Whether an answer with status 200 holds an error in place of results."""
    return isinstance(body, dict) and "results" not in body and bool(body.get("error"))


def _by_class(status: int) -> type[UpstreamError]:
    if status >= 500:  # noqa: PLR2004  the class of server errors, RFC 9110
        return Transient
    # A redirect or a success without content: not the endpoint that was meant.
    return Refused if status >= 300 else Malformed  # noqa: PLR2004  likewise


def _read(body: bytes) -> tuple[str, str]:
    """The code and the words of an error body, empty where it has none."""
    try:
        decoded = orjson.loads(body)
    except orjson.JSONDecodeError:
        return "", ""
    if not isinstance(decoded, dict):
        return "", ""
    error = decoded.get("error", decoded)
    if isinstance(error, str):
        return "", error
    if not isinstance(error, dict):
        return "", ""
    words = error.get("message") or error.get("detail") or ""
    return str(error.get("code") or ""), words if isinstance(words, str) else ""


def _quoted(words: str, request: RerankRequest, key: str) -> str:
    """The vendor's words as a tail for the message, unless they repeat the request."""
    words = " ".join(words.split())
    if not words:
        return ""
    words = words[:MOST_WORDS]
    private = (key, request.query, request.instruction or "", *request.texts())
    if any(_repeats(words, " ".join(text.split())) for text in private):
        return " (its words are withheld: they repeat the request)"
    return f': "{words}"'


def _repeats(words: str, text: str) -> bool:
    """Whether the words hold a stretch of the text, or all of a short one."""
    if len(text) < REPEATED_CHARACTERS:
        return bool(text) and text in words
    last = max(1, len(words) - REPEATED_CHARACTERS + 1)
    return any(words[at : at + REPEATED_CHARACTERS] in text for at in range(last))


def _seconds(retry_after: str | None, date: str | None) -> float | None:
    """Retry-After as seconds, from seconds or a date (RFC 9110, 10.2.3)."""
    if retry_after is None:
        return None
    try:
        seconds = float(retry_after)
    except ValueError:
        then = _unix_time(retry_after)
        if then is None:
            return None
        # By the sender's clock where it tells it: ours may be an hour off.
        seconds = then - (_unix_time(date) or time.time())
    # "nan" is a float too, and no vendor means a week.
    return min(max(seconds, 0.0), MOST_RETRY_AFTER) if seconds == seconds else None  # noqa: PLR0124


def _unix_time(date: str | None) -> float | None:
    try:
        return email.utils.parsedate_to_datetime(date).timestamp() if date else None
    except (ValueError, OverflowError):
        return None
