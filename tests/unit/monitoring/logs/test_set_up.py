import logging
import sys
import threading
from collections.abc import Iterator

import pytest

from rerankq.monitoring.logs.set_up import CHATTY, OURS, set_up_log
from rerankq.monitoring.settings import LogFormat, LogLevel, ProcessSettings


@pytest.fixture(autouse=True)
def _log_of_the_tests() -> Iterator[None]:
    root = logging.root
    before = root.handlers[:], root.level, logging.raiseExceptions
    hooks = threading.excepthook, sys.unraisablehook
    yield
    for handler in root.handlers:
        if handler not in before[0]:
            handler.close()
    root.handlers[:], logging.raiseExceptions = before[0], before[2]
    root.setLevel(before[1])
    threading.excepthook, sys.unraisablehook = hooks
    logging.captureWarnings(capture=False)
    for name in (*OURS, *CHATTY):
        logging.getLogger(name).setLevel(logging.NOTSET)


def set_up(level: LogLevel) -> None:
    set_up_log(level, LogFormat.PRETTY, service="gateway")


def shown(capfd: pytest.CaptureFixture[str]) -> str:
    logging.root.handlers[0].flush()
    return capfd.readouterr().err


def test_no_traceback_and_no_words_of_an_exception_are_logged(
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Of an exception that a library logs, only its type and place are written."""
    set_up(LogLevel.INFO)
    try:
        raise ValueError("a document")  # noqa: TRY301  what is tested
    except ValueError:
        logging.getLogger("uvicorn.error").exception("Exception in ASGI application\n")
    written = shown(capfd)
    assert " ERROR [gateway] Exception in ASGI application (ValueError at " in written
    assert "a document" not in written


@pytest.mark.parametrize(
    ("level", "names"),
    [
        (LogLevel.DEBUG, ["rerankq.x debug", "celery debug", "kombu.x debug", "mine info"]),
        (LogLevel.INFO, ["rerankq.x info", "mine info"]),
        (LogLevel.ERROR, []),
    ],
)
def test_a_level_shows_what_may_be_shown(
    capfd: pytest.CaptureFixture[str], level: LogLevel, names: list[str]
) -> None:
    """Debug lines come from libraries that were looked through, and from no others."""
    set_up(level)
    for name in ("rerankq.x", "celery", "kombu.x", "mine", "httpx", "sse_starlette.sse", "aiohttp"):
        logging.getLogger(name).debug("%s debug", name)
        logging.getLogger(name).info("%s info", name)
    written = shown(capfd)
    for each in names:
        assert each in written
    for each in ("mine debug", "httpx", "sse_starlette", "aiohttp"):
        assert each not in written
    assert (not written) is (not names)


def test_a_thread_that_fails_prints_no_traceback(capfd: pytest.CaptureFixture[str]) -> None:
    """An error that ends a thread is a line with its type and place."""
    set_up(LogLevel.INFO)

    def fail() -> None:
        raise ValueError("a document")

    thread = threading.Thread(target=fail, name="one")
    thread.start()
    thread.join()
    written = shown(capfd)
    assert "the thread one ended: ValueError at " in written
    assert "a document" not in written
    assert "Traceback" not in written


def test_the_earlier_name_of_the_format_is_known() -> None:
    """`text`, the name of version 0.1, means `pretty`."""
    assert ProcessSettings.load(RERANKQ_LOG_FORMAT="text").log_format is LogFormat.PRETTY
