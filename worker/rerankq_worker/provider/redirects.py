"""What users are told about a redirect: its target, without the parts that may be secret."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from rerankq_worker.provider import words

STATUSES: Final = frozenset({300, 301, 302, 303, 305, 307, 308})
MOST_SHOWN: Final = 200


def advice(headers: Mapping[str, str], key: str) -> str:
    """What a message says about a redirect, after the status.

    Args:
        headers: the answer's headers, their names in lower case.
        key: the key of the call; nothing of it is shown.
    """
    where = target(headers.get("location", ""))
    shown = f" to {where}" if where and not words.tells_of(key, where) else ""
    return (
        f", a redirect{shown}; no redirect is followed: if the endpoint has moved, set its new "
        "address in RERANKQ_UPSTREAM_URL, or as the site's url in RERANKQ_UPSTREAM_FILE"
    )


def target(location: str) -> str:
    """A Location in the form that may be shown: without user, password, query and fragment.

    Args:
        location: absolute or relative; for anything else the result is empty.
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
