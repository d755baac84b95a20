"""Blanks out what looks like a secret, and the secrets that a process knows, in each line.

Our own lines hold none. This is for the lines of libraries, which may quote an address or a header.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Final
from urllib.parse import unquote, urlsplit

MASK: Final = "***"
_SHORTEST: Final = 6
"""A shorter secret is not looked for: it would blank out ordinary words."""

_LOOKS_SECRET: Final = re.compile(
    # A user and a password in an address.
    r"(://)[^\s/@'\"]+@"
    # Keys of vendors, our own tokens, secrets of webhooks.
    r"|\b(sk-|rk_|whsec_)[A-Za-z0-9_\-+/=]{12,}"
    # A header or a parameter, with what follows its name.
    r"|(\b(?:bearer|basic)\s+)[A-Za-z0-9._~+/=\-]{8,}"
    r"|((?:authorization|api[-_]?key|password|secret)['\"]?\s*[:=,]\s*b?['\"]?)[^\s'\",)]+",
    re.IGNORECASE,
)


_TELLTALES: Final = (
    *("://", "sk-", "rk_", "whsec_", "bearer", "basic", "authorization", "api-key", "api_key"),
    *("apikey", "password", "secret"),
)
"""A line without any of these is not searched: that takes far longer than to look for these."""


class Masks:
    """Blanks out secrets.

    Args:
        known: secrets that this process uses.
    """

    def __init__(self, known: Iterable[str] = ()) -> None:
        # The longest first: one may be a part of another.
        usable = {each for each in known if len(each) >= _SHORTEST}
        self._known = sorted(usable, key=len, reverse=True)

    def __call__(self, line: str) -> str:
        """The line without them."""
        for each in self._known:
            if each in line:
                line = line.replace(each, MASK)
        lowered = line.lower()
        if any(each in lowered for each in _TELLTALES):
            return _LOOKS_SECRET.sub(_masked, line)
        return line


def secrets_in(url: str) -> Iterator[str]:
    """The passwords of an address, as they stand in it and as they are."""
    parts = urlsplit(url)
    stated = [parts.netloc.rpartition("@")[0].partition(":")[2]]
    stated += [value.partition("=")[2] for value in parts.query.split("&") if "password=" in value]
    for each in stated:
        yield from {each, unquote(each)}


def _masked(found: re.Match[str]) -> str:
    kept = next(each for each in found.groups() if each)
    return f"{kept}{MASK}{'@' if found[0].endswith('@') else ''}"
