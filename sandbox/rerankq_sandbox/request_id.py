"""The request id that every answer carries."""

import uuid
from contextvars import ContextVar

REQUEST_ID_HEADER = "X-Oneapi-Request-Id"

# A context variable rather than request storage, whose typed keys need aiohttp 3.14.
_current: ContextVar[str | None] = ContextVar("request_id", default=None)


def start_request() -> str:
    """Give the request that this task serves a new id, and return it."""
    request_id = uuid.uuid4().hex
    _current.set(request_id)
    return request_id


def current_request_id() -> str | None:
    """The id of the request that this task serves; None if it never got one."""
    return _current.get()
