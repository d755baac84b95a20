"""The one error body, which readers of four conventions understand.

OpenAI's clients read `error`, Cohere's `message`, Jina's and FastAPI's `detail`, and those of
RFC 9457 (problem details) the others.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote

import orjson

from rerankq.errors import RerankqError

JSON: Final = b"application/json"
PROBLEM_JSON: Final = b"application/problem+json"

_TYPES: Final = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
}
_SERVERS_FAULT: Final = 500
_RETRIED: Final = frozenset({408, 429})
"""Statuses under 500 after which the same request can succeed later."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a request was not served. The message says what happened and what to do.

    Attributes:
        status: of HTTP.
        code: stable name of the kind, such as `job_not_found`.
        message: one sentence; it quotes no document, query or key.
        param: the field or header that is wrong.
        retry_after: seconds after which a repeat can succeed.
        can_retry: whether the same request can succeed later; None: as is usual for the status.
        throttled_by: who limits the calls: `upstream` or `quota`.
        location: where the job that goes on can be asked about.
        headers: other headers of the answer.
        members: further members of the body.
    """

    status: int
    code: str
    message: str
    param: str | None = None
    retry_after: float | None = None
    can_retry: bool | None = None
    throttled_by: str | None = None
    location: str | None = None
    headers: tuple[tuple[bytes, bytes], ...] = ()
    members: Mapping[str, Any] = field(default_factory=dict)

    @property
    def type(self) -> str:
        """The kind of error as OpenAI's clients know it."""
        usual = "invalid_request_error" if self.status < _SERVERS_FAULT else "server_error"
        return _TYPES.get(self.status, usual)

    def body(self, request_id: str) -> bytes:
        """The body, as JSON."""
        title = HTTPStatus(self.status).phrase
        return orjson.dumps(
            {
                "error": {
                    "message": self.message,
                    "type": self.type,
                    "param": self.param,
                    "code": self.code,
                },
                "message": self.message,
                "detail": self.message,
                "type": f"urn:rerankq:error:{self.code}",
                "title": title,
                "status": self.status,
                "instance": f"urn:rerankq:request:{quote(request_id, safe='')}",
                "request_id": request_id,
                **self.members,
            }
        )

    def own_headers(self) -> list[tuple[bytes, bytes]]:
        """The headers that belong to it, without the content type."""
        can_retry = self.can_retry
        if can_retry is None:
            can_retry = self.status >= _SERVERS_FAULT or self.status in _RETRIED
        headers = list(self.headers)
        if not can_retry:
            headers.append((b"x-should-retry", b"false"))
        if self.retry_after is not None:
            headers.append((b"retry-after", str(max(1, -int(-self.retry_after // 1))).encode()))
        if self.throttled_by:
            headers.append((b"x-rerankq-throttled-by", self.throttled_by.encode()))
        if self.location:
            headers.append((b"location", self.location.encode()))
        if self.status == HTTPStatus.UNAUTHORIZED:
            headers.append((b"www-authenticate", b"Bearer"))
        return headers


class GatewayError(RerankqError):
    """A request that is not served, with what its caller is told.

    The arguments are those of `Problem`.
    """

    code = "gateway_error"

    def __init__(self, status: int, code: str, message: str, **details: Any) -> None:
        super().__init__(message)
        self.problem = Problem(status, code, message, **details)

    def at(self, location: str) -> "GatewayError":
        """The same error, which says where to ask about the job."""
        self.problem = replace(self.problem, location=location)
        return self


def content_type(accept: bytes) -> bytes:
    """The content type of an error: problem details only for those who ask for them."""
    return PROBLEM_JSON if PROBLEM_JSON in accept.lower() else JSON
