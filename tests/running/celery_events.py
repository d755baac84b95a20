"""Listens to Celery's events, as Flower and `celery events` do."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from celery.events import EventReceiver

from rerankq.cli.operate.monitor import watched
from running.waiting import eventually


class Monitor:
    """The events that were heard so far."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []

    def about(self, job_id: str) -> list[dict[str, Any]]:
        """The events of a job, in order."""
        return [event for event in self.events if event.get("uuid") == job_id]

    def kinds(self, job_id: str = "") -> list[str]:
        """The kinds of a job's events, or of all task events."""
        heard = self.about(job_id) if job_id else self.events
        return [event["type"] for event in heard if event["type"].startswith("task-")]


@contextmanager
def monitor(redis_url: str, namespace: str = "") -> Iterator[Monitor]:
    """Listen, once a worker's heartbeat shows that it is heard."""
    heard = Monitor()
    with watched(redis_url, namespace) as app, app.connection() as connection:
        receiver = EventReceiver(connection, handlers={"*": heard.events.append}, app=app)
        thread = threading.Thread(target=lambda: receiver.capture(limit=None, timeout=None))
        thread.start()
        try:
            eventually(lambda: heard.events, "a worker is heard", seconds=60)
            yield heard
        finally:
            receiver.should_stop = True
            thread.join(30)
