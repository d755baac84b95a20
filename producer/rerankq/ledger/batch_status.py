"""The status of a batch, from its record in the ledger."""

import json
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from rerankq.contract import BatchState, BatchStatus, BudgetUse
from rerankq.cost.budget import use_of

ABANDONED_MS: Final = 10_000
"""A batch that is not sealed, and that nobody has fed for so long, is abandoned."""
COUNTS: Final = ("total", "rejected", "existing", "succeeded", "failed", "cancelled", "expired")
_LIVE: Final = ("running", "scheduled", "held")
_REASON: Final = "reason:"
_ENDS: Final = {each.value: each for each in BatchState if each.ended}
_SHORTEST_MS: Final = 1000
"""A speed is told from samples that are at least so far apart."""
_STILL_MS: Final = 60_000
"""When nothing has ended for so long, and for longer than before, the batch stands still."""


class Stored(NamedTuple):
    """A batch as it is stored.

    Attributes:
        fields: of its record.
        left_ms: until it is deleted.
        now_ms: Redis' time when it was read.
        kept_ms: how long batches are kept that do not say so themselves.
    """

    fields: Mapping[str, str]
    left_ms: int
    now_ms: float
    kept_ms: int


def status_from(batch_id: str, stored: Stored) -> BatchStatus:
    """The status; a damaged field counts as missing."""
    fields = stored.fields
    counts = {name: _number(fields.get(name)) for name in COUNTS}
    # Each is a sum of many changes: while old workers serve the batch, one may be out.
    open_jobs = max(0, counts["total"] - sum(counts[name] for name in COUNTS[1:]))
    left = open_jobs
    running, scheduled, held = (max(0, _number(fields.get(name))) for name in _LIVE)
    running = min(running, left)
    scheduled = min(scheduled, left - running)
    held = min(held, left - running - scheduled)
    state = _state(stored, open_jobs)
    rate, seconds_left = _speed(stored, counts, open_jobs)
    moves = state in (BatchState.OPEN, BatchState.RUNNING, BatchState.CANCELLING)
    return BatchStatus(
        id=batch_id,
        sealed=fields.get("sealed") == "1",
        total=counts["total"],
        rejected=counts["rejected"],
        existing=counts["existing"],
        succeeded=counts["succeeded"],
        failed=counts["failed"],
        cancelled=counts["cancelled"],
        expired=counts["expired"],
        queued=left - running - scheduled - held,
        running=running,
        scheduled=scheduled,
        held=held,
        state=state,
        created_at=_created_ms(stored) / 1000,
        kept_until=(stored.now_ms + stored.left_ms) / 1000 if stored.left_ms >= 0 else None,
        paused_at=_seconds(fields, "paused_at"),
        cancelled_at=_seconds(fields, "cancelled_at"),
        ended_at=_seconds(fields, "ended_at"),
        deadline_at=_seconds(fields, "deadline"),
        expected=_number(fields["expected"]) if "expected" in fields else None,
        tenant=fields.get("tenant"),
        tokens=_number(fields.get("tokens")),
        budget=_budget(fields),
        reasons={
            name.removeprefix(_REASON): _number(value)
            for name, value in fields.items()
            if name.startswith(_REASON)
        },
        metadata=_object(fields.get("metadata")),
        details=_object(fields.get("details")),
        retry_of=fields.get("retry_of"),
        retried_by=fields.get("retry"),
        rate=rate if moves else None,
        seconds_left=seconds_left if moves else None,
    )


def _state(stored: Stored, open_jobs: int) -> BatchState:
    """The state; the order of the questions is that of `end_state` in `batches/ended.lua`."""
    fields, now = stored.fields, stored.now_ms
    if noted := _ENDS.get(fields.get("ended_as", "")):
        return noted
    # A batch that ended before its deadline is not late, however long ago that was.
    at = _number(fields.get("ended_at")) or now
    is_late = 0 < _number(fields.get("deadline")) <= at
    is_closed = fields.get("sealed") == "1" or is_late
    if is_closed and open_jobs == 0:
        return _end(fields, is_late=is_late)
    if _number(fields.get("cancelled_at")):
        return BatchState.CANCELLING
    if _number(fields.get("paused_at")):
        return BatchState.PAUSED
    if is_closed:
        return BatchState.RUNNING
    is_silent = now - _number(fields.get("fed")) >= ABANDONED_MS
    return BatchState.ABANDONED if is_silent and open_jobs == 0 else BatchState.OPEN


def _end(fields: Mapping[str, str], *, is_late: bool) -> BatchState:
    is_complete = fields.get("sealed") == "1" and "cut" not in fields
    if _number(fields.get("cancelled_at")):
        return BatchState.CANCELLED
    if is_late and (_number(fields.get("expired")) or not is_complete):
        return BatchState.EXPIRED
    return BatchState.COMPLETED if is_complete else BatchState.ABANDONED


def _speed(
    stored: Stored, counts: Mapping[str, int], open_jobs: int
) -> tuple[float | None, float | None]:
    """Jobs that end a second, and in how many seconds all have ended."""
    samples = [_number(each) for each in stored.fields.get("pace", "").split()]
    if len(samples) != len(("t0", "n0", "t1", "n1")):
        return None, None
    since, ended_then, last, _ = samples
    took, ended = stored.now_ms - since, sum(counts[name] for name in COUNTS[1:])
    stands_still = stored.now_ms - last > max(_STILL_MS, 3 * (last - since))
    if took < _SHORTEST_MS or ended <= ended_then or stands_still:
        return None, None
    rate = (ended - ended_then) / took * 1000
    expected = _number(stored.fields.get("expected")) if stored.fields.get("sealed") != "1" else 0
    return rate, max(open_jobs, expected - ended) / rate


def _created_ms(stored: Stored) -> float:
    """When it was opened; a version that did not note it kept it for the ordinary time."""
    created = _number(stored.fields.get("created"))
    return created / 1000 if created else stored.now_ms + stored.left_ms - stored.kept_ms


def _seconds(fields: Mapping[str, str], name: str) -> float | None:
    at = _number(fields.get(name))
    return at / 1000 if at else None


def _number(field: str | None) -> int:
    try:
        return int(float(field or 0))
    except (ValueError, OverflowError):
        return 0


def _budget(fields: Mapping[str, str]) -> BudgetUse | None:
    unit = fields.get("budget_unit")
    if not unit:
        return None
    return use_of(
        unit,
        limit=_number(fields["budget"]) if "budget" in fields else None,
        reserved=_number(fields.get("reserved")),
        spent=_number(fields.get("spent")),
        exhausted=fields.get("over_budget") == "1",
    )


def _object(field: str | None) -> dict[str, Any]:
    try:
        value = json.loads(field or "{}")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
