"""The catalogue of events."""

import sys
from collections.abc import Iterator
from itertools import groupby

from handbook.docstrings import docstring
from handbook.place import Language
from handbook.reference.fields import described
from rerankq.events import EVENTS, CallRef, Event, JobRef


def made(language: Language) -> str:  # noqa: ARG001  docstrings are in English
    """A section for each group of events, and within it one for each event."""
    parts = [
        part
        for module, kinds in groupby(EVENTS, key=lambda kind: kind.__module__)
        for part in _group(module, list(kinds))
    ]
    refs = [
        part for kind in (JobRef, CallRef) for part in [f"### {kind.__name__}\n", *described(kind)]
    ]
    return "\n".join([*parts, "## What events are about\n", *refs])


def _group(module: str, kinds: list[type[Event]]) -> Iterator[str]:
    yield f"## {module.rpartition('.')[2].capitalize()}\n"
    yield f"{docstring(sys.modules[module]).summary}\n"
    for kind in kinds:
        yield f"### `{kind.name}`\n"
        yield f"`rerankq.events.{kind.__name__}`\n"
        yield from described(kind)
