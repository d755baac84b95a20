"""How long a job that is submitted now would wait, from what the limiter and the ledger know.

It says only what is known. An account that no worker uses says nothing, so a wait is forecast as 0
when nothing is known: a job that could be served is never said to wait.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

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
_UNTRIED_MS: Final = 2_000
"""When a probe is due and no worker was heard of for so long, none has a job to probe with."""
_KEY: Final = "key "
_THROTTLED: Final = "upstream_throttled"
"""How the cause of a throttled account begins; another cause is a failure."""


class _Wait(NamedTuple):
    """Why an account serves nobody at the moment.

    Attributes:
        seconds: until it is expected to serve again; 0 when it may serve now.
        is_outage: whether it is out, not only throttled.
    """

    seconds: float = 0.0
    is_outage: bool = False


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
    waits = {name: _wait_for(name, each) for name, each in used.items()}
    best = min(waits, key=lambda name: waits[name])
    stopped = max(waits[best], _parked(used, waiting=ahead > 0))
    rate = sum(each.rate for each in used.values())
    behind = ahead / rate if rate > 0 else 0.0
    wait = stopped.seconds + behind
    if wait <= 0 and not stopped.is_outage:
        return Forecast(wait_seconds=0.0)
    is_limited = stopped.seconds >= behind or all(each.limited for each in used.values())
    return Forecast(
        wait_seconds=wait,
        by="outage" if stopped.is_outage else "upstream" if is_limited else "queue",
        until=used[best].now / 1000 + wait,
        message=_message(best, used[best], stopped, ahead, lane),
    )


def is_of_unknown_length(found: Forecast) -> bool:
    """Whether it stands for a wait whose end nobody knows, such as a pause by an operator."""
    return found.by in ("outage", "no_worker") and found.wait_seconds >= UNKNOWN_SECONDS


def _wait_for(name: str, account: Allotment) -> _Wait:
    """Until the account is usable again, as far as that is known."""
    breaker = account.tripped.get(account_breaker(name))
    if breaker and breaker.state is BreakerState.PAUSED:
        return _Wait(UNKNOWN_SECONDS, is_outage=True)
    seconds = account.wait_ms / 1000
    if account.mode == "open":
        # A failure may say how long to wait, as a 429 does.
        has_failed = account.cause != "" and not account.cause.startswith(_THROTTLED)
        return _Wait(seconds, seconds > 0 and has_failed)
    is_outage = account.mode == "broken"
    if account.wait_ms == 0 and account.idle_ms > _UNTRIED_MS:
        # Without a job nobody would ever learn that it is well again: the next one is the probe.
        return _Wait(0.0, is_outage)
    if account.wait_ms <= _PROBED_MS:
        seconds = max(seconds, _expected(account.now - account.since))
    return _Wait(seconds, is_outage)


def _expected(lasted_ms: float) -> float:
    """How long an outage goes on that has lasted so long: most likely as long again."""
    return min(UNKNOWN_SECONDS, max(0.0, lasted_ms / 1000))


def _parked(used: Mapping[str, Allotment], *, waiting: bool) -> _Wait:
    """How long keys stay parked, when no other key is known to serve.

    It is not recorded which account a key belongs to. So this is said only when a single account is
    in use, and no key gave a ranking within the last minute. When no jobs wait that a key could be
    probed with, the next one is the probe.
    """
    if len(used) != 1:
        return _Wait()
    (account,) = used.values()
    if account.served:
        return _Wait()
    parked = [each for name, each in account.tripped.items() if _is_parked(name, each, account.now)]
    if not parked:
        return _Wait()
    seconds = min(_until_probed(each, account.now) for each in parked)
    return _Wait(seconds if waiting else 0.0, is_outage=True)


def _is_parked(name: str, breaker: TrippedBreaker, now_ms: float) -> bool:
    is_certain = breaker.state is not BreakerState.DOUBTED
    return name.startswith(_KEY) and is_certain and not breaker.is_unused(name, now_ms)


def _until_probed(breaker: TrippedBreaker, now_ms: float) -> float:
    probed = (breaker.probe_at - now_ms) / 1000 if breaker.every > 0 else UNKNOWN_SECONDS
    return max(probed, _expected(now_ms - breaker.since))


def _message(name: str, account: Allotment, stopped: _Wait, ahead: int, lane: Lane) -> str:
    parked = {
        key: each for key, each in account.tripped.items() if _is_parked(key, each, account.now)
    }
    is_stopped = stopped.seconds > 0 or stopped.is_outage
    if is_stopped and (found := reasons.of_upstream({name: account}, parked)):
        return reasons.in_order(found)[0].message
    if is_stopped:
        return f"the account {name} is paused"
    noun = "job waits" if ahead == 1 else "jobs wait"
    return f"{ahead:,} {noun} in the lane {lane}"
