"""Opens the output of a run in the format that its name tells."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import PurePath
from typing import Final

from rerankq.cli.input.files import STANDARD, Sink
from rerankq.cli.input.job_input import JobInput
from rerankq.cli.input.trec.queries import TrecInput
from rerankq.cli.rows.compressed_output import CompressedOutput
from rerankq.cli.rows.output import Output
from rerankq.cli.rows.parquet_output import ParquetOutput
from rerankq.cli.rows.trec_output import TrecOutput

_COMPRESSED: Final = (".gz", ".zst")
_PARQUET: Final = ".parquet"


_ROWS: Final = (".jsonl", ".ndjson", ".json", _PARQUET)
TAG: Final = "rerankq"
"""The last field of each line of a run."""


def open_ranked(path: str, source: JobInput, say: Callable[[str], None], *, tag: str) -> Output:
    """Open the output for an input: of a TREC run a run, unless the name is that of rows.

    Args:
        path: its name.
        source: the input, which may not be the output.
        say: shows the user a line.
        tag: names the run, in each line.

    Raises:
        MissingExtra, CommandError: as `open_output` says.
    """
    output = open_output(path, source)
    names = [each.lower() for each in PurePath(path).suffixes]
    kinds = [each for each in names if each not in _COMPRESSED]
    if not isinstance(source, TrecInput) or (kinds and kinds[-1] in _ROWS):
        return output
    return TrecOutput(output, documents_of=source.documents_of, tag=tag, say=say)


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
