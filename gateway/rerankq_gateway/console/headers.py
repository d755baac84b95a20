"""Headers of every answer of the console, and its cookies."""

from http.cookies import CookieError, SimpleCookie
from typing import Final

HeaderPairs = list[tuple[bytes, bytes]]

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
ALWAYS: Final[HeaderPairs] = [
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    # With no-referrer browsers would send `Origin: null` with forms.
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
]
NO_STORE: Final = (b"cache-control", b"no-store")
HTML: Final = (b"content-type", b"text/html; charset=utf-8")


def cookies_of(headers: dict[bytes, bytes]) -> dict[str, str]:
    """The cookies of a request; none when they cannot be read."""
    # Several lines of the header were joined by commas, which no cookie of ours has.
    sent = headers.get(b"cookie", b"").decode("latin-1").replace(", ", "; ")
    try:
        return {name: each.value for name, each in SimpleCookie(sent).items()}
    except CookieError:
        return {}


def cookie(
    name: str, value: str, *, path: str, secure: bool, seconds: int | None
) -> tuple[bytes, bytes]:
    """The header that sets a cookie which no script reads and no other site's page sends.

    Args:
        name: of the cookie.
        value: letters, digits, `_` and `-`.
        path: to which it is sent.
        secure: whether it is sent by HTTPS only.
        seconds: how long it is kept; None until the browser ends, 0 to delete it.
    """
    kept = "" if seconds is None else f"; Max-Age={seconds}"
    only = "; Secure" if secure else ""
    said = f"{name}={value}; Path={path}; HttpOnly; SameSite=Strict{kept}{only}"
    return b"set-cookie", said.encode()
