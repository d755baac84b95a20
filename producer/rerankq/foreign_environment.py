"""Variables of the environment that would change or stop Celery and Flower under rerankq.

Celery, kombu, billiard and Flower read them when they are imported or start. They are meant for
another program in the same container, or Kubernetes made them for a Service named `flower`. Only
rerankq's own processes drop them; a producer runs in the user's process.
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
    """Remove the variables that Celery and Flower would read; to be called before their import."""
    for name in list(environment):
        if name in _NAMES or name.startswith(_PREFIXES):
            del environment[name]
