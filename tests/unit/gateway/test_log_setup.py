import logging

import pytest

from rerankq_gateway.log_setup import set_up_log
from rerankq_gateway.settings import LogLevel


def test_no_traceback_and_no_words_of_an_exception_are_logged(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Whatever a library logs with an exception, only the exception's type is written."""
    before = logging.root.handlers[:], logging.root.level
    try:
        set_up_log(LogLevel.INFO)
        try:
            raise ValueError("a document")  # noqa: TRY301  what is tested
        except ValueError:
            logging.getLogger("uvicorn.error").exception("Exception in ASGI application\n")
        written = capsys.readouterr().err
    finally:
        logging.root.handlers[:], logging.root.level = before
        logging.getLogger("uvicorn").setLevel(logging.NOTSET)
    assert written.endswith("ERROR Exception in ASGI application (ValueError)\n")
    assert "a document" not in written
