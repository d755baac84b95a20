"""What the caller of a job says in its headers."""

import re
from collections.abc import Mapping
from typing import Final

from rerankq_gateway.asgi.request import HotRequest
from rerankq_gateway.errors import GatewayError

_QUOTED: Final = re.compile(rb'"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"')
_BARE: Final = re.compile(rb"[\x21-\x7e]{1,255}")
_TRACEPARENT: Final = re.compile(rb"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_TRACESTATE: Final = re.compile(rb"[\x20-\x7e]{1,512}")
MOST_KEY: Final = 255


def idempotency_key(headers: Mapping[bytes, bytes]) -> str | None:
    """The caller's idempotency key, quoted as the draft says, or bare; None without one.

    Raises:
        GatewayError: 400, it is no text of 1 to 255 visible characters.
    """
    given = headers.get(b"idempotency-key")
    if given is None:
        return None
    value = given.strip()
    if quoted := _QUOTED.fullmatch(value):
        value = re.sub(rb"\\(.)", rb"\1", quoted[1])
    if not _BARE.fullmatch(value):
        raise GatewayError(
            400,
            "invalid_header",
            f"Idempotency-Key must be 1 to {MOST_KEY} visible ASCII characters",
            param="idempotency-key",
        )
    return value.decode("ascii")


def traceparent_of(request: HotRequest) -> str | None:
    """The request's own span, or that of the caller; None without one."""
    if request.traceparent:
        return request.traceparent
    given = request.headers.get(b"traceparent", b"")
    return given.decode("ascii") if _TRACEPARENT.fullmatch(given) else None


def trace_of(request: HotRequest) -> dict[str, str]:
    """What ties a job to the request: its id, and its span in W3C's form, or the caller's."""
    trace = {"request_id": request.request_id}
    if parent := traceparent_of(request):
        trace["traceparent"] = parent
        state = request.headers.get(b"tracestate", b"")
        if _TRACESTATE.fullmatch(state):
            trace["tracestate"] = state.decode("ascii")
    return trace
