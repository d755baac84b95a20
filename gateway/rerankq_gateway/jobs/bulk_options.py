"""What the caller of a bulk upload says beside the body."""

from collections.abc import Mapping
from typing import Final, NamedTuple, Self
from urllib.parse import parse_qs

from rerankq.contract import MAX_DEADLINE_SECONDS, Lane
from rerankq.errors import InvalidRequest
from rerankq_gateway.errors import GatewayError

_TYPES: Final = frozenset(
    {
        b"",
        b"application/json",
        b"application/jsonl",
        b"application/x-jsonl",
        b"application/jsonlines",
        b"application/x-jsonlines",
        b"application/ndjson",
        b"application/x-ndjson",
        b"application/octet-stream",
        b"text/plain",
    }
)
_SPOKEN: Final = {"true": True, "1": True, "": True, "false": False, "0": False}


class BulkOptions(NamedTuple):
    """The options of `POST /v1/jobs:batch`, which stand in the query.

    Attributes:
        partial: whether good lines are submitted when others are no jobs.
        lane: for lines that name none.
        deadline: seconds until all jobs must have ended.
    """

    partial: bool = False
    lane: Lane | None = None
    deadline: float | None = None

    @classmethod
    def of(cls, query: bytes) -> Self:
        """The options of a query.

        Raises:
            InvalidRequest: names the option that is wrong.
        """
        given = {
            name: values[0]
            for name, values in parse_qs(query.decode("latin-1"), keep_blank_values=True).items()
        }
        partial = _SPOKEN.get(given.get("partial", "false").lower())
        if partial is None:
            raise InvalidRequest("partial", "must be true or false")
        return cls(partial, _lane(given.get("lane")), _seconds(given.get("deadline")))


def _lane(said: str | None) -> Lane | None:
    if said is None:
        return None
    try:
        return Lane(said)
    except ValueError:
        raise InvalidRequest("lane", "must be 'interactive' or 'bulk'") from None


def _seconds(said: str | None) -> float | None:
    if said is None:
        return None
    try:
        seconds = float(said)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= MAX_DEADLINE_SECONDS:
        raise InvalidRequest(
            "deadline",
            f"must be a number of seconds, over 0 and at most {MAX_DEADLINE_SECONDS:,.15g}",
        )
    return seconds


def check_type(headers: Mapping[bytes, bytes]) -> None:
    """Refuse a body that is no text of jobs: a form would be read as one damaged line.

    Raises:
        GatewayError: 415.
    """
    kind = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
    if kind not in _TYPES:
        raise GatewayError(
            415,
            "unsupported_media_type",
            "many jobs are sent as application/x-ndjson (a job a line), or application/json (an "
            "array); with curl: --data-binary @file -H 'Content-Type: application/x-ndjson'",
            param="content-type",
        )
