"""Logs changes of state: of breakers, limits, models, and of this worker's reach."""

import logging
from typing import Final

from rerankq.accounts.breakers import BreakerState, account_breaker
from rerankq.events import (
    BreakerClosed,
    BreakerNotOpened,
    BreakerOpened,
    Events,
    LimitFound,
    LimitsDiffer,
    ScoresChecked,
    WorkerIsolated,
    WorkerReconnected,
)
from rerankq.monitoring.logs.fields import STATES, about

log = logging.getLogger(__name__)
states = logging.getLogger(f"{__name__}.{STATES}")

_ACCOUNT: Final = account_breaker("")


def log_states(events: Events) -> None:
    """Log the changes of state that an operator should see."""
    events.listen(_breaker_opened, BreakerOpened)
    events.listen(_breaker_not_opened, BreakerNotOpened)
    events.listen(_breaker_closed, BreakerClosed)
    events.listen(_scores_checked, ScoresChecked)
    events.listen(_limit_found, LimitFound)
    events.listen(_limits_differ, LimitsDiffer)
    events.listen(_worker_isolated, WorkerIsolated)
    events.listen(_worker_reconnected, WorkerReconnected)


def _breaker_opened(event: BreakerOpened) -> None:
    if event.breaker.startswith(_ACCOUNT):
        cause = f": {event.reason}" if event.reason else ""
        states.warning("the %s is %s now%s", event.breaker, event.state, cause, extra=about(event))
        return
    # A parked breaker needs an operator.
    level = logging.ERROR if event.state == BreakerState.PARKED else logging.WARNING
    line = "the breaker of %s is open: %s (%s): %s"
    states.log(
        level, line, event.breaker, event.state, event.reason, event.message, extra=about(event)
    )


def _breaker_not_opened(event: BreakerNotOpened) -> None:
    states.warning(
        "the breaker of %s stays closed (%s): too many breakers are open",
        *(event.breaker, event.reason),
        extra=about(event),
    )


def _breaker_closed(event: BreakerClosed) -> None:
    if event.breaker.startswith(_ACCOUNT):
        states.info("the %s is usable again", event.breaker, extra=about(event))
    else:
        states.warning("the breaker of %s is closed again", event.breaker, extra=about(event))


def _scores_checked(event: ScoresChecked) -> None:
    if event.outcome == "sane":
        line, level = "checked the scores of %s at %s: they are %s", logging.DEBUG
    elif not event.probe:
        line, level = "checked the scores of %s at %s: they are nonsense (%s)", logging.WARNING
    else:
        return  # while the model is parked, its breaker has told why
    log.log(level, line, event.model, event.site, event.outcome, extra=about(event))


def _limit_found(event: LimitFound) -> None:
    slots = "" if event.slots is None else f", {event.slots} of them at once in this worker"
    states.info(
        "%s has a limit: %.3g calls a second%s",
        event.account,
        event.rate,
        slots,
        extra=about(event),
    )


def _limits_differ(event: LimitsDiffer) -> None:
    states.warning(
        "limits of %s in force are %s, and %s are set here: other workers name lower ones",
        *(event.account, dict(event.in_force), dict(event.own) or "none"),
        extra=about(event),
    )


def _worker_isolated(event: WorkerIsolated) -> None:
    states.error(
        "this worker alone gets no rankings from %s (%s): until it does, it takes no jobs for "
        "this account; check its network, proxy and DNS, and whether the vendor admits its address",
        *(event.account, event.cause),
        extra=about(event),
    )


def _worker_reconnected(event: WorkerReconnected) -> None:
    states.warning("this worker gets rankings from %s again", event.account, extra=about(event))
