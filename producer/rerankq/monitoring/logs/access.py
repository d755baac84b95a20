"""A line for each request over HTTP: a listener on events."""

import logging
from typing import Final

from rerankq.events import Events, RequestFinished
from rerankq.monitoring.logs.fields import FIGURES, about

log = logging.getLogger(__name__)

_OF_MACHINES: Final = frozenset({"/live", "/ready", "/metrics"})
"""Asked every few seconds: their lines are shown at level debug."""


def log_requests(events: Events) -> None:
    """Log the requests that a gateway has answered."""
    events.listen(_finished, RequestFinished)


def _finished(event: RequestFinished) -> None:
    level = logging.DEBUG if event.route in _OF_MACHINES else logging.INFO
    if not log.isEnabledFor(level):
        return
    named = {"tenant": event.tenant, "job": event.job_id, "error": event.reason}
    log.log(
        level,
        "%s %s %s, %.3f s, %d bytes, request %s%s",
        event.method,
        # Not the path: it may hold ids of others, or anything else that somebody tries.
        event.route or "(no such route)",
        event.status or "(caller gone)",
        event.seconds,
        event.bytes_sent,
        event.request_id,
        "".join(f", {name} {value}" for name, value in named.items() if value),
        # Never a part of a burst.
        extra=about(event, **{FIGURES: {}}),
    )
