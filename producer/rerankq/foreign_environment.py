"""Variables of the environment by which others would move or stop what rerankq runs.

Celery, kombu, billiard and Flower read them as they are imported or as they start. They are meant
for another program of the same container, or are made by Kubernetes for a Service named `flower`.
Only a process that is rerankq's own may drop them; a producer is in somebody else's.
"""

from collections.abc import MutableMapping
from typing import Final

_PREFIXES: Final = ("CELERY_", "FLOWER_", "KOMBU_", "C_BENCH", "_MP_FORK_")
_NAMES: Final = frozenset(
    {
        *("AUTOSCALE_KEEPALIVE", "CELERYD_TASK_LOG_LEVEL", "DISABLE_TRACEBACKS"),
        *("C_IMPDEBUG", "C_REMDEBUG", "C_STRICT_APP", "C_WARN_APP", "C_WNOCONF"),
        *("DJANGO_PROJECT_DIR", "DJANGO_SETTINGS_MODULE", "EVENTLET_NOBLOCK"),
        *("FORKED_BY_MULTIPROCESSING", "MP_LOG", "MP_MAIN_FILE", "MULTIPROCESSING_FORKING_DISABLE"),
        *("NOSETPS", "PICKLE_PROTOCOL", "REMAP_SIGTERM", "TIMER_DEBUG", "USE_FAST_LOCALS"),
    }
)


def drop_foreign_variables(environment: MutableMapping[str, str]) -> None:
    """Take out what Celery and Flower would read; before they are imported."""
    for name in list(environment):
        if name in _NAMES or name.startswith(_PREFIXES):
            del environment[name]
