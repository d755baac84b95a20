"""Checks what a key looks like, so that a wrong one is reported at start and not by a 401.

No message shows any part of a key. Vendors' pages show a key with stars, and examples show a word
in its place; users copy both. A word causes only a warning, because it might be a key.
"""

import re
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from rerankq_worker.upstream.dialects import DIALECTS

LEAST_CHARACTERS: Final = 8

_NO_KEYS: Final = (
    (r"^['\"]|['\"]$", "a key stands in quotes: leave them out"),
    (
        r"(?i)^((proxy-)?authorization|(x-)?api-?key)\s*:",
        "a key begins with the name of a header: leave that out",
    ),
    (
        r"(?i)^(bearer|basic|digest|token|api-?key)([\s:]|$)",
        'a key begins with "Bearer" or the like: RERANKQ_AUTH_PREFIX, or auth_prefix, adds that',
    ),
    (r"\*", "a key has stars, as a vendor's pages show one: copy the key itself"),
    ("://", "a key is an address: that belongs in RERANKQ_UPSTREAM_URL, or url"),
    (
        r"^\$|\$[{(]|\{\{|[<>]|%\w+%",
        "a key is a placeholder that was to be filled in: set the key itself",
    ),
    (r"[^\x21-\x7e]", "a key has a character that no HTTP header may carry"),
)
"""Patterns that no server accepts as a key, each with its message; the first match is reported."""


def is_own_server(url: str, dialect: str) -> bool:
    """Whether a key is for a server that may accept any key: the user's own, or a sandbox."""
    host = urlsplit(url).hostname or ""
    known = DIALECTS.get(dialect)
    runs_itself = known is not None and known.is_own_server
    return runs_itself or host == "localhost" or _is_loopback(host)


def key_fault(key: str, *, own_server: bool) -> str | None:
    """What is wrong with a key, in words that do not show it; None if nothing is.

    Args:
        key: the key as it was set, without a prefix.
        own_server: whether it is for the user's own server, whose keys may be short.
    """
    for pattern, words in _NO_KEYS:
        if re.search(pattern, key):
            return words
    if len(key) < LEAST_CHARACTERS and not own_server:
        return f"a key has under {LEAST_CHARACTERS} characters: no vendor's is that short"
    return None


def looks_made_up(key: str) -> bool:
    """Whether a key has no digit, and so may be a word copied from an example."""
    return not any(map(str.isdigit, key))


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
