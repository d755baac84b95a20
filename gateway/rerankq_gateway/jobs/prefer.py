"""What a caller prefers: to wait for the job's end, or not (RFC 7240)."""

import re
from collections.abc import Mapping
from typing import Final, NamedTuple
from urllib.parse import parse_qs

from rerankq.errors import InvalidRequest
from rerankq_gateway.errors import GatewayError
from rerankq_gateway.settings import MOST_WAIT_SECONDS

_PREFERENCE: Final = re.compile(r'\s*([A-Za-z0-9_-]+)\s*(?:=\s*("[^"]*"|[^,;\s]+))?[^,]*')
_SECONDS: Final = re.compile(r"\d{1,9}(\.\d{1,9})?")


class Preference(NamedTuple):
    """How long to wait, and what of the header `Prefer` is followed.

    Attributes:
        wait: seconds to wait for the job's end; None to answer at once.
        is_asynchronous: whether the answer shall say that the job goes on, with 202.
        applied: for the header `Preference-Applied`; empty when nothing was preferred.
    """

    wait: float | None = None
    is_asynchronous: bool = False
    applied: str = ""

    def headers(self) -> list[tuple[bytes, bytes]]:
        """The headers that say what was followed."""
        return [(b"preference-applied", self.applied.encode())] if self.applied else []


def preference(headers: Mapping[bytes, bytes], query: bytes) -> Preference:
    """What the caller prefers, by `Prefer` or by `?wait=`.

    Raises:
        GatewayError: 400, both are given, or `wait` is no number of seconds.
        InvalidRequest: the same of `?wait=`.
    """
    by_query = seconds_in(query)
    said = _preferences(headers.get(b"prefer", b"").decode("latin-1"))
    if not said:
        return Preference(wait=by_query)
    if by_query is not None:
        raise GatewayError(
            400, "invalid_header", "Prefer and ?wait= say the same: send one of them"
        )
    applied = [name for name in ("respond-async",) if name in said]
    wait = None
    if "wait" in said:
        if not _SECONDS.fullmatch(said["wait"]):
            raise GatewayError(
                400, "invalid_header", "Prefer: wait must be a number of seconds", param="prefer"
            )
        wait = min(float(said["wait"]), MOST_WAIT_SECONDS)
        applied.append(f"wait={wait:g}")
    return Preference(wait, "respond-async" in said or wait is not None, ", ".join(applied))


def seconds_in(query: bytes) -> float | None:
    """The seconds of `?wait=`; None without it.

    Raises:
        InvalidRequest: it is no number of seconds, or too many.
    """
    values = parse_qs(query.decode("latin-1"), keep_blank_values=True).get("wait")
    if values is None:
        return None
    if not _SECONDS.fullmatch(values[0]) or float(values[0]) > MOST_WAIT_SECONDS:
        raise InvalidRequest("wait", f"must be a number of seconds, at most {MOST_WAIT_SECONDS:g}")
    return float(values[0])


def _preferences(header: str) -> dict[str, str]:
    """The preferences that are known; others are ignored, as the RFC says."""
    found: dict[str, str] = {}
    for name, value in _PREFERENCE.findall(header):
        if name.lower() in {"respond-async", "wait"}:
            found.setdefault(name.lower(), value.strip('"'))
    return found
