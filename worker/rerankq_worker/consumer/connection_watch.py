"""Tells when Celery loses the connection by which messages come, and when it has one again.

Celery only logs that it has lost it, and says nothing above `info` when it is back.

Extension point: a consumer bootstep (Celery's "Extensions and Bootsteps").
"""

import logging
import time
from typing import Any, Final

from celery import bootsteps
from celery.worker.consumer import consumer
from celery.worker.consumer.connection import Connection

from rerankq.events import BrokerLost, BrokerRecovered, Events
from rerankq.store.refusals import refusal

_LOGGER: Final = logging.getLogger(consumer.__name__)
NOT_MADE: Final = "consumer: Cannot connect to "
LOST: Final = "consumer: Connection to broker lost. "
"""How Celery's two lines begin."""
_OF_TWO: Final = "%s (%r)"
"""The format of the second."""


class ConnectionWatch:
    """Hears of each loss and each new connection.

    Args:
        events: told of both.
        address: of Redis, for messages.
    """

    def __init__(self, events: Events, address: str) -> None:
        self._events = events
        self._address = address
        self._lost_at: float | None = None

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether to log one of Celery's lines: not those about a lost connection."""
        error = _lost_by(record)
        if error is None:
            return True
        self._lost_at = self._lost_at or time.monotonic()
        self._events.tell(BrokerLost(message=str(refusal(self._address, error))))
        return False

    def connected(self) -> None:
        """Celery has a connection."""
        if self._lost_at is not None:
            seconds, self._lost_at = time.monotonic() - self._lost_at, None
            self._events.tell(BrokerRecovered(seconds=seconds))


def watch_connection(app: Any, watch: ConnectionWatch) -> None:
    """Let the watch hear of the connections of the app's worker."""

    class Watched(bootsteps.StartStopStep):
        """Started at each new connection."""

        requires = (Connection,)

        def start(self, _parent: Any) -> None:
            watch.connected()

    _LOGGER.addFilter(watch.filter)
    app.steps["consumer"].add(Watched)


def _lost_by(record: logging.LogRecord) -> Exception | None:
    """The error by which Celery has lost its connection, or could not make one; else None."""
    said = record.args if isinstance(record.args, tuple) else ()
    line = record.msg if record.msg != _OF_TWO else said[0]
    if str(line).startswith((NOT_MADE, LOST)):
        return next((each for each in said if isinstance(each, Exception)), None)
    return None
