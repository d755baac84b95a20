"""What is told of a redirect: where it points to, without what may be secret in it."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from rerankq_worker.provider import words

STATUSES: Final = frozenset({300, 301, 302, 303, 305, 307, 308})
MOST_SHOWN: Final = 200


def advice(headers: Mapping[str, str], key: str) -> str:
    """What a message says of a redirect, behind its status.

    Args:
        headers: of the answer, their names in lower case.
        key: what the call was authorized by; nothing of it is said.
    """
    where = target(headers.get("location", ""))
    shown = f" to {where}" if where and not words.tells_of(key, where) else ""
    return (
        f", a redirect{shown}; no redirect is followed: if the endpoint has moved, set its new "
        "address in RERANKQ_UPSTREAM_URL, or as the site's url in RERANKQ_UPSTREAM_FILE"
    )


def target(location: str) -> str:
    """A Location as it may be shown: no user, no password, no query, no fragment.

    Args:
        location: absolute or relative; of anything else nothing is shown.
    """
    try:
        parts = urlsplit(location.strip())
    except ValueError:
        return ""
    host = parts.netloc.rpartition("@")[2]
    if parts.scheme not in {"", "http", "https"}:
        return ""
    shown = parts._replace(netloc=host, query="", fragment="").geturl()
    return shown[:MOST_SHOWN] if shown.isascii() and shown.isprintable() else ""
