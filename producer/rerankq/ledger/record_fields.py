"""The fields of a job's record, read so that one damaged job does not disturb the others."""

import math
from collections.abc import Callable
from typing import Any, Final

import orjson

from rerankq.contract import JobState, Lane
from rerankq.ledger.failures import failure_from


def record_from(stored: bytes | None) -> dict[str, Any]:
    """The fields of a record; none when it is missing or damaged.

    A damaged field is left out, as in the scripts: one damaged job must not disturb the reading of
    the others.
    """
    readings = {name: _READERS.get(name, _any)(value) for name, value in _object(stored).items()}
    return {name: value for name, value in readings.items() if value is not None}


def state_from(stored: bytes | None) -> JobState | None:
    """The state in a record; None when that is missing or damaged."""
    return _known_state(_object(stored).get("state"))


def _object(stored: bytes | None) -> dict[str, Any]:
    try:
        fields = orjson.loads(stored or b"{}")
    except orjson.JSONDecodeError:
        return {}
    return fields if isinstance(fields, dict) else {}


def _any(value: Any) -> Any:
    # This field is for newer versions to judge.
    return value


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _number(value: Any) -> int | None:
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return int(number) if abs(number) < _MOST_NUMBER else None


def _known_state(value: Any) -> JobState | None:
    return _STATES.get(value) if isinstance(value, str) else None


def _known_lane(value: Any) -> Lane | None:
    return _LANES.get(value) if isinstance(value, str) else None


_MOST_NUMBER: Final = 2**53
_STATES: Final[dict[str, JobState]] = {each.value: each for each in JobState}
_LANES: Final[dict[str, Lane]] = {each.value: each for each in Lane}
_TIMES: Final = ("submitted", "started", "finished", "due", "not_before", "deadline")
_READERS: Final[dict[str, Callable[[Any], Any]]] = {
    "state": _known_state,
    "lane": _known_lane,
    **dict.fromkeys((*_TIMES, "attempts", "retries", "claims", "lost"), _number),
    "failure": failure_from,
    **dict.fromkeys(("worker", "custom", "batch", "idempotency", "reason", "tenant"), _text),
}
