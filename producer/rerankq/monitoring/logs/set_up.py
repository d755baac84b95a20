"""Sets up the log of a process: to stderr, one form for all libraries, nothing private."""

import logging
import sys
import threading
from collections.abc import Iterable
from typing import Final

from rerankq.error_origin import origin
from rerankq.monitoring.logs.handler import LineHandler
from rerankq.monitoring.logs.lines import Form, JsonForm, PrettyForm
from rerankq.monitoring.logs.writer import write_to
from rerankq.monitoring.settings import LogFormat, LogLevel

OURS: Final = ("rerankq", "rerankq_worker", "rerankq_gateway", "rerankq_sandbox")
LOOKED_THROUGH: Final = ("asyncio", "celery", "kombu", "opentelemetry", "redis", "uvicorn")
"""Libraries whose lines below warnings are shown at level debug: it is known what they log. Debug
lines of no other library are shown, because they may quote a document or a key."""
CHATTY: Final = (
    *LOOKED_THROUGH,
    *("aiohttp", "hpack", "httpcore", "httptools", "httpx", "python_multipart"),
    *("requests", "sse_starlette", "urllib3"),
)
"""Libraries that log each call, message and connection: at other levels only their warnings."""


def set_up_log(
    level: LogLevel,
    form: LogFormat,
    *,
    service: str,
    lane: str = "",
    secrets: Iterable[str] = (),
) -> None:
    """Write the log of this process to stderr, if it has one.

    Args:
        level: lines below it are not written.
        form: how lines look.
        service: what logs: `worker`, `gateway` or `sandbox`.
        lane: the lane that logs; empty for a process that serves none, or supervises several.
        secrets: what this process knows and no line may show.
    """
    root = logging.getLogger()
    # Of libraries that nobody has looked through, nothing below this is shown.
    root.setLevel(max(logging.getLevelNamesMapping()[level.upper()], logging.INFO))
    if sys.stderr is not None:
        handler = LineHandler(_form(form, service, lane), write_to(sys.stderr.fileno()), secrets)
        root.handlers[:] = [handler]
    logging.raiseExceptions = False
    logging.captureWarnings(capture=True)
    wanted = logging.getLevelName(level.upper())
    for name in OURS:
        logging.getLogger(name).setLevel(wanted)
    quiet = max(root.level, logging.WARNING)
    for name in CHATTY:
        is_shown = level is LogLevel.DEBUG and name in LOOKED_THROUGH
        logging.getLogger(name).setLevel(logging.DEBUG if is_shown else quiet)
    # Python's own hooks would print a traceback, with the messages of errors.
    threading.excepthook = _thread_failed
    sys.unraisablehook = _could_not_raise


def _form(form: LogFormat, service: str, lane: str) -> Form:
    if form is LogFormat.JSON:
        return JsonForm({"service": service, "lane": lane})
    # A worker's processes are told apart by their lanes.
    return PrettyForm(lane or ("" if service == "worker" else service))


def _thread_failed(failed: threading.ExceptHookArgs) -> None:
    if failed.exc_value is not None and not isinstance(failed.exc_value, SystemExit):
        name = failed.thread.name if failed.thread else "unknown"
        logging.getLogger("rerankq").error(
            "the thread %s ended: %s", name, origin(failed.exc_value)
        )


def _could_not_raise(failed: "sys.UnraisableHookArgs") -> None:
    if failed.exc_value is not None:
        logging.getLogger("rerankq").warning("ignored: %s", origin(failed.exc_value))
