"""How many workers a lane needs: no more than its jobs and the upstream's limit keep busy.

`docs/monitoring.md` explains the formula.
"""

import math
from collections.abc import Mapping
from typing import Final

from rerankq.accounts.accounts import Allotment
from rerankq.contract import JobState, Lane
from rerankq.ledger.lane_readings import LaneReading
from rerankq.monitoring.metrics.ledger_reading import LedgerReading

DRAIN_SECONDS: Final = {Lane.INTERACTIVE: 5.0, Lane.BULK: 300.0}
"""The backlog of a lane should be done within this time."""
MOST_CALLS_A_SECOND: Final = 1500.0
"""What the CPU of one worker process carries, however short calls are."""
USUAL_CALL_SECONDS: Final = 1.0
"""The time of a call while no ranking has shown it."""
_LEAST_CALL_SECONDS: Final = 0.01


def desired_workers(reading: LedgerReading, *, max_calls: int) -> dict[Lane, int]:
    """The number for each lane.

    Args:
        reading: of the ledger.
        max_calls: how many calls a worker may have in flight.
    """
    took = _call_seconds(reading.accounts)
    a_worker = min(max_calls / took, MOST_CALLS_A_SECOND)
    left = _allowed(reading.accounts, took)
    desired = {}
    # Interactive jobs come first: bulk jobs get what these leave of the limit.
    for lane in (Lane.INTERACTIVE, Lane.BULK):
        wanted = _wanted(reading.lanes[lane], took, DRAIN_SECONDS[lane])
        desired[lane] = _workers(min(wanted, left) / a_worker, has_jobs=wanted > 0)
        if not reading.accounts:
            # Nobody knows what the upstream allows: one worker finds out.
            desired[lane] = min(desired[lane], 1)
        left = max(0.0, left - wanted)
    return desired


def _workers(needed: float, *, has_jobs: bool) -> int:
    return max(1, math.ceil(needed)) if has_jobs else 0


def _wanted(lane: LaneReading, took: float, drain_seconds: float) -> float:
    """Calls a second that the lane's jobs ask for."""
    return lane.jobs[JobState.QUEUED] / drain_seconds + lane.jobs[JobState.RUNNING] / took


def _allowed(accounts: Mapping[str, Allotment], took: float) -> float:
    """Calls a second that the upstream takes, as far as that is known."""
    if not accounts:
        return math.inf
    return sum(_allowed_by(each, took) for each in accounts.values())


def _allowed_by(account: Allotment, took: float) -> float:
    if account.mode != "open" or account.wait_ms > 0:
        # More workers would only wait.
        return 0.0
    most = account.limits.concurrency
    at_once = most / took if most is not None else math.inf
    return min(account.rate if account.limited else math.inf, at_once)


def _call_seconds(accounts: Mapping[str, Allotment]) -> float:
    """How long a call takes: the longest that a ranking took lately, so never too short."""
    took = max((each.took_ms for each in accounts.values()), default=0.0) / 1000
    return max(took, _LEAST_CALL_SECONDS) if took else USUAL_CALL_SECONDS
