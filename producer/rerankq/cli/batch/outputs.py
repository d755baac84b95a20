"""Opens the output of a run in the format that its name tells."""

from contextlib import suppress
from pathlib import PurePath
from typing import Final

from rerankq.cli.input.files import STANDARD, Sink
from rerankq.cli.input.job_input import JobInput
from rerankq.cli.rows.compressed_output import CompressedOutput
from rerankq.cli.rows.output import Output
from rerankq.cli.rows.parquet_output import ParquetOutput

_COMPRESSED: Final = (".gz", ".zst")
_PARQUET: Final = ".parquet"


def open_output(path: str, source: JobInput | None = None) -> Output:
    """Open the output; `-` is stdout. Its suffix tells the format: `.parquet`, `.gz`, `.zst`.

    Args:
        path: its name.
        source: the input, which may not be the output.

    Raises:
        MissingExtra: the format needs an extra that is not installed.
        CommandError: it cannot be written, it is the input, or another command is writing it.
    """
    suffix = "" if path == STANDARD else PurePath(path).suffix.lower()
    sink = Sink.open(path, source)
    try:
        if suffix == _PARQUET:
            return ParquetOutput(sink)
        if suffix in _COMPRESSED:
            return CompressedOutput(sink, suffix)
    except BaseException:
        with suppress(OSError):
            sink.__exit__()
        raise
    return sink
