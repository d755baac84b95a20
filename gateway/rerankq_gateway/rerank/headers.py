"""What a rerank call says in its headers."""

import re
from collections.abc import Mapping
from typing import Final

from rerankq_gateway.asgi import HotRequest
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


def trace_of(request: HotRequest) -> dict[str, str]:
    """What ties a job to the request: its id, and the caller's span in W3C's form."""
    trace = {"request_id": request.request_id}
    parent = request.headers.get(b"traceparent", b"")
    if _TRACEPARENT.fullmatch(parent):
        trace["traceparent"] = parent.decode("ascii")
        state = request.headers.get(b"tracestate", b"")
        if _TRACESTATE.fullmatch(state):
            trace["tracestate"] = state.decode("ascii")
    return trace
