"""A batch as it is shown to people, and as JSON for scripts."""

from typing import Final

import orjson

from rerankq.cli.batch.pace import shown_duration, shown_rate
from rerankq.cli.rows.tally import Tally
from rerankq.cli.times import local_time
from rerankq.contract import BatchStatus, BudgetUse

_COUNTS: Final = (
    *("queued", "running", "scheduled", "held", "succeeded", "failed", "cancelled", "expired"),
)


def json_of(batch: BatchStatus) -> bytes:
    """One JSON object: what the status holds, with its id as `batch_id`."""
    fields = orjson.loads(batch.encode())
    return orjson.dumps({"batch_id": fields.pop("id")} | fields)


def tally_of(batch: BatchStatus) -> Tally:
    """Its counts, as those of a run: whatever ended without a ranking is failed."""
    return Tally(
        succeeded=batch.succeeded,
        failed=batch.failed + batch.cancelled + batch.expired,
        rejected=batch.rejected,
        unended=batch.total - batch.ended,
    )


def counts_of(batch: BatchStatus) -> str:
    """How many jobs are in each state, such as `3 queued, 1 running, 996 succeeded`."""
    told = [f"{getattr(batch, name)} {name}" for name in _COUNTS if getattr(batch, name)]
    return ", ".join(told) or "none"


def reasons_of(batch: BatchStatus) -> str:
    """Why jobs failed, the most frequent reason first."""
    ordered = sorted(batch.reasons.items(), key=lambda each: (-each[1], each[0]))
    return ", ".join(f"{reason} {count}" for reason, count in ordered)


def pace_of(batch: BatchStatus) -> str:
    """Its speed, and the time left at that speed; empty when it stands still."""
    told = [f"{shown_rate(batch.rate)} jobs/s"] if batch.rate else []
    if batch.seconds_left is not None:
        told.append(f"about {shown_duration(batch.seconds_left)} left")
    return ", ".join(told)


def time_of(seconds: float | None) -> str:
    """A time for people; empty when there is none."""
    return "" if seconds is None else local_time(seconds, "seconds")


def ending_of(batch: BatchStatus) -> str:
    """How it ended, in one sentence."""
    parts = [f"{batch.id} {_ENDS[batch.state.value]}: {counts_of(batch)}"]
    if batch.reasons:
        parts.append(f"failed for {reasons_of(batch)}")
    if batch.rejected:
        parts.append(f"{batch.rejected} bad line{'' if batch.rejected == 1 else 's'}")
    return "; ".join(parts)


_ENDS: Final = {
    "completed": "is complete",
    "cancelled": "was cancelled",
    "expired": "has expired",
    "abandoned": "was abandoned, so input is missing",
}


def budget_of(budget: BudgetUse | None) -> str:
    """How a budget stands; empty without one."""
    if budget is None:
        return ""
    limit = (
        "no limit any more" if budget.limit is None else f"of {budget.limit:,.10g} {budget.unit}"
    )
    return f"{budget.spent:,.10g} spent, {budget.reserved:,.10g} reserved, {limit}"
