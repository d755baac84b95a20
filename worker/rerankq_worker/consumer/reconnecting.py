"""Celery's connection to its broker, made again soon after it was lost.

kombu waits two seconds longer after each try in vain, up to half a minute. A Redis that was away
for ten seconds, or whose replica has just become the primary, would be noticed much later than by
the ledger's own connections, and jobs would wait that long.
"""

from typing import Any, Final

from celery.app.amqp import AMQP
from kombu import Connection

FIRST_SECONDS: Final = 0.5
STEP_SECONDS: Final = 0.5
MOST_SECONDS: Final = 3.0


class PromptConnection(Connection):
    """A connection whose tries follow each other closely."""

    def _ensure_connection(self, *arguments: Any, **options: Any) -> Any:
        pace = {
            "interval_start": FIRST_SECONDS,
            "interval_step": STEP_SECONDS,
            "interval_max": MOST_SECONDS,
        }
        return super()._ensure_connection(*arguments, **(pace | options))


class PromptAMQP(AMQP):
    """Set as Celery's `amqp`."""

    Connection = PromptConnection
