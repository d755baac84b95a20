"""Celery's heartbeats, which say how many tasks a worker has: of jobs, not of messages.

Extension point: `Celery.events_cls`, whose dispatcher sends the events of a worker.
"""

from typing import Any, Final

from celery.app.events import Events
from celery.events.dispatcher import EventDispatcher


class JobCounts(EventDispatcher):
    """Sends a worker's events, with the number of its jobs."""

    def send(self, type: str, *arguments: Any, **fields: Any) -> Any:  # noqa: A002  Celery's signature
        """Send an event."""
        jobs = getattr(self.app, "rerankq_jobs", None)
        if jobs is not None and "active" in fields:
            fields |= {"active": len(jobs.held), "processed": jobs.claimed}
        return super().send(type, *arguments, **fields)


class WorkerEvents(Events):
    """Makes the dispatcher of a worker."""

    dispatcher_cls = f"{__name__}:{JobCounts.__name__}"


WORKER_EVENTS: Final = f"{__name__}:{WorkerEvents.__name__}"
