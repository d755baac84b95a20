"""How often a worker's process collects garbage."""

import gc
from typing import Final

GARBAGE_OBJECTS: Final = 10_000
"""How many new objects start a garbage collection: a job makes hundreds, but no cycles."""


def spare_the_collector() -> None:
    """Make garbage collections rare, and exempt the objects that the start has made."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE_OBJECTS)
