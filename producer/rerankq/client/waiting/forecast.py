"""How long a job that is submitted now would wait, from what the limiter and the ledger know.

It says only what is known. An account that no worker uses says nothing, so a wait is forecast as 0
when nothing is known: a job that could be served is never said to wait.
"""

from collections.abc import Mapping
from typing import Final

from rerankq.accounts.accounts import Allotment
from rerankq.accounts.breakers import BreakerState, TrippedBreaker, account_breaker
from rerankq.client.waiting import reasons
from rerankq.contract import Forecast, Lane
from rerankq.ledger.presence import SILENT_SECONDS

UNKNOWN_SECONDS: Final = 300.0
"""The wait for what nobody knows the end of, such as a worker that is not there; and the longest
that an outage is expected to go on."""
_PROBED_MS: Final = 5_000
"""An account that is out of use is probed at least so often: a longer pause was asked for."""
_KEY: Final = "key "


def forecast(
    lane: Lane, accounts: Mapping[str, Allotment], queued: Mapping[Lane, int], served: set[Lane]
) -> Forecast:
    """The forecast for a job of this lane.

    Args:
        lane: the job's.
        accounts: all accounts, by name.
        queued: how many jobs wait to be claimed, by lane.
        served: the lanes that have workers.
    """
    if lane not in served:
        message = reasons.no_worker([lane], SILENT_SECONDS).message
        return Forecast(wait_seconds=UNKNOWN_SECONDS, by="no_worker", message=message)
    used = {name: each for name, each in accounts.items() if each.in_use}
    if not used:
        return Forecast(wait_seconds=0.0)
    ahead = queued.get(lane, 0)
    if lane is Lane.BULK:
        # Interactive jobs are served first.
        ahead += queued.get(Lane.INTERACTIVE, 0)
    outages = {name: _outage(name, each) for name, each in used.items()}
    best = min(outages, key=lambda name: outages[name])
    outage = max(outages[best], _parked(used, waiting=ahead > 0))
    rate = sum(each.rate for each in used.values())
    behind = ahead / rate if rate > 0 else 0.0
    wait = outage + behind
    if wait <= 0:
        return Forecast(wait_seconds=0.0)
    is_limited = outage >= behind or all(each.limited for each in used.values())
    return Forecast(
        wait_seconds=wait,
        by="upstream" if is_limited else "queue",
        until=used[best].now / 1000 + wait,
        message=_message(best, used[best], outage, ahead, lane),
    )


def _outage(name: str, account: Allotment) -> float:
    """Seconds until the account is usable again; 0 when it is."""
    breaker = account.tripped.get(account_breaker(name))
    if breaker and breaker.state is BreakerState.PAUSED:
        return UNKNOWN_SECONDS
    wait = account.wait_ms / 1000
    if account.mode == "open" or account.wait_ms > _PROBED_MS:
        return wait
    return max(wait, _expected(account.now - account.since))


def _expected(lasted_ms: float) -> float:
    """How long an outage goes on that has lasted so long: most likely as long again."""
    return min(UNKNOWN_SECONDS, max(0.0, lasted_ms / 1000))


def _parked(used: Mapping[str, Allotment], *, waiting: bool) -> float:
    """How long keys stay parked, when no other key is known to serve; 0 when one does.

    It is not recorded which account a key belongs to. So this is said only when a single account is
    in use, no key gave a ranking within the last minute, and jobs wait that one could serve.
    """
    if len(used) != 1 or not waiting:
        return 0.0
    (account,) = used.values()
    if account.served:
        return 0.0
    parked = [each for name, each in account.tripped.items() if _is_parked(name, each, account.now)]
    return min((_until_probed(each, account.now) for each in parked), default=0.0)


def _is_parked(name: str, breaker: TrippedBreaker, now_ms: float) -> bool:
    is_certain = breaker.state is not BreakerState.DOUBTED
    return name.startswith(_KEY) and is_certain and not breaker.is_unused(name, now_ms)


def _until_probed(breaker: TrippedBreaker, now_ms: float) -> float:
    probed = (breaker.probe_at - now_ms) / 1000 if breaker.every > 0 else UNKNOWN_SECONDS
    return max(probed, _expected(now_ms - breaker.since))


def _message(name: str, account: Allotment, outage: float, ahead: int, lane: Lane) -> str:
    parked = {
        key: each for key, each in account.tripped.items() if _is_parked(key, each, account.now)
    }
    if outage > 0 and (found := reasons.of_upstream({name: account}, parked)):
        return reasons.in_order(found)[0].message
    if outage > 0:
        return f"the account {name} is paused"
    noun = "job waits" if ahead == 1 else "jobs wait"
    return f"{ahead:,} {noun} in the lane {lane}"
