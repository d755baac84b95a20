"""Opens an input of jobs in the format that the user names, or that its first bytes tell."""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

from rerankq.cli.failures import CommandError
from rerankq.cli.input.files import STANDARD, Source
from rerankq.cli.input.formats import PARQUET
from rerankq.cli.input.job_input import JobInput
from rerankq.cli.input.parquet.table import ParquetInput
from rerankq.cli.input.trec.queries import TrecFiles, TrecInput


class Format(StrEnum):
    """The formats of an input of jobs."""

    AUTO = "auto"
    JSONL = "jsonl"
    PARQUET = "parquet"
    TREC = "trec"


def open_input(
    path: str,
    form: Format = Format.AUTO,
    columns: Mapping[str, str] | None = None,
    trec: TrecFiles | None = None,
) -> JobInput:
    """Open an input of jobs; `-` is stdin.

    Args:
        path: its name.
        form: its format; with AUTO, JSON Lines or Parquet by its first bytes.
        columns: for Parquet, the columns that the user has named, by field.
        trec: for a TREC run, what is read beside it.

    Raises:
        MissingExtra: the format needs an extra that is not installed.
        CommandError: it cannot be read, or has another format.
    """
    if (form is Format.TREC) != (trec is not None):
        raise CommandError("--format trec, --corpus FILE and --topics FILE are given together")
    if form is Format.AUTO:
        form = Format.PARQUET if _is_parquet(path) else Format.JSONL
    if form is Format.PARQUET:
        if path == STANDARD:
            raise CommandError("Parquet is read from its end, so not from stdin: name a file")
        return ParquetInput(path, columns or {})
    if columns:
        raise CommandError(f"--column is for tables, and {path} is read as lines: leave it out")
    return TrecInput(path, trec) if trec else Source.open(path)


def _is_parquet(path: str) -> bool:
    if path == STANDARD:
        return False
    try:
        file = Path(path)
        # Of a pipe, the bytes that are looked at would be gone.
        if not file.is_file():
            return False
        with file.open("rb") as opened:
            return opened.read(len(PARQUET)) == PARQUET
    except OSError:
        return False  # whoever opens it says why it cannot be read
