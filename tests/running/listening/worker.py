"""A worker of one lane that writes every event to a file: `python worker.py worker --lane bulk`."""

import os
import sys
from pathlib import Path

from rerankq.contract import Lane
from rerankq.events import Event
from rerankq_worker.app import WorkerApp
from rerankq_worker.settings import WorkerSettings
from rerankq_worker.telemetry.log_setup import set_up_log


def main() -> int:
    """Serve until a signal ends it; returns the exit code."""
    lane = Lane(sys.argv[3])
    settings = WorkerSettings.load()
    set_up_log(settings.log_level, settings.log_format, lane=lane)
    app = WorkerApp(settings, settings.sites(os.environ), lane)
    with Path(os.environ["EVENTS"]).open("a", buffering=1) as told:

        def write(event: Event) -> None:
            told.write(f"{event.name} {event!r}\n")

        app.rerankq_events.listen(write, Event)
        return app.serve()


if __name__ == "__main__":
    sys.exit(main())
