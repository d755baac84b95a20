"""A listener that writes every event to the file that `EVENTS` names.

A worker finds it by `RERANKQ_LISTENERS=recording:record`, with this folder in its `PYTHONPATH`.
"""

import os
from pathlib import Path

from rerankq.contract import Lane
from rerankq.events import Event, Events


def record(events: Events, lane: Lane) -> None:
    """Write each event, by its name and what it holds; and first, which lane is served."""
    path = Path(os.environ["EVENTS"])

    def write(said: object) -> None:
        with path.open("a") as told:
            told.write(f"{said}\n")

    def listener(event: Event) -> None:
        write(f"{event.name} {event!r}")

    write(f"lane {lane}")
    events.listen(listener, Event)
