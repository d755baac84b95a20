"""What a key must look like: one that cannot be right is named at start, and not by a 401.

No message shows any of the key. The vendor's own pages have stars where a key goes, and examples
have a word there; both are copied as they are. A word is only warned of: it might be a key.
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
        "a key is the name of something that was to be filled in, and was not",
    ),
    (r"[^\x21-\x7e]", "a key has a character that no HTTP header may carry"),
)
"""What no server takes, and its name; the first that is found is told."""


def is_own_server(url: str, dialect: str) -> bool:
    """Whether a key is for a server that may well take any: one's own, or a stand-in for one."""
    host = urlsplit(url).hostname or ""
    known = DIALECTS.get(dialect)
    runs_itself = known is not None and known.is_own_server
    return runs_itself or host == "localhost" or _is_loopback(host)


def key_fault(key: str, *, own_server: bool) -> str | None:
    """What is wrong with a key, in words that do not show it; None for one that may be sent.

    Args:
        key: as it was set, without a prefix.
        own_server: whether it is for a server whose keys may be short and made up.
    """
    for pattern, words in _NO_KEYS:
        if re.search(pattern, key):
            return words
    if len(key) < LEAST_CHARACTERS and not own_server:
        return f"a key has under {LEAST_CHARACTERS} characters: no vendor's is that short"
    return None


def looks_made_up(key: str) -> bool:
    """Whether a key may be the word that stands in examples in its place: it has no digit."""
    return not any(map(str.isdigit, key))


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
