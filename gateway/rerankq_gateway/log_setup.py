"""The log of a gateway process: to stderr, a line an event, and never a traceback."""

import logging
import sys

from rerankq_gateway.settings import LogLevel


class _NoTraceback(logging.Filter):
    """Takes tracebacks out: the text of an exception may quote a document."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass, without its traceback."""
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            record.msg, record.args = "%s (%s)", (record.getMessage().strip(), type(error).__name__)
        record.exc_info = record.exc_text = None
        return True


def set_up_log(level: LogLevel) -> None:
    """Write to stderr from this level on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(_NoTraceback())
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    # Says each start and end of a process and of a connection, which are no news here.
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
