"""The cookies of the console: of a session, of a browser's forms, and of its colours."""

from typing import Final

from rerankq_gateway.asgi import HotRequest
from rerankq_gateway.console.headers import cookie
from rerankq_gateway.console.visit import Visit

THEME: Final = "rerankq-theme"


def cookie_name(what: str, request: HotRequest, *, secure: bool) -> str:
    """Its name. Browsers share cookies between the ports of a host, so the port is in it."""
    port = request.headers.get(b"host", b"").rpartition(b":")[2].decode("latin-1")
    own = f"-{port}" if port.isascii() and port.isdigit() else ""
    return f"{'__Secure-' if secure else ''}rerankq-{what}{own}"


def session_cookie(visit: Visit, value: str, *, seconds: int | None) -> tuple[bytes, bytes]:
    """The header that keeps a session's name in the browser, or deletes it at 0 seconds."""
    secure = visit.request.scope.get("scheme") == "https"
    name = cookie_name("session", visit.request, secure=secure)
    return cookie(name, value, path=visit.base, secure=secure, seconds=seconds)
