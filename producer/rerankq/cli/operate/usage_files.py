"""Writes a report of usage for other programs: CSV, JSON or Parquet."""

import csv
import importlib
import io
import sys
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from rerankq.cli.failures import CommandError
from rerankq.cli.terminal import printable, put_json, stdout_checked
from rerankq.contract import UsageCounts, UsageReport, UsageRow
from rerankq.errors import MissingExtra
from rerankq.extras import install

_MONEY: Final = frozenset({"cost", "cost_at_most"})


class UsageFormat(StrEnum):
    """How a report is written."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"


def write(report: UsageReport, form: UsageFormat, output: str | None) -> None:
    """Write a report to a file, or to stdout.

    Raises:
        MissingExtra: Parquet needs an extra that is not installed.
        CommandError: the file cannot be written, or a terminal would get bytes.
    """
    if form is UsageFormat.JSON and output is None:
        put_json(report.encode())
        return
    if form is UsageFormat.PARQUET and output is None and sys.stdout.isatty():
        raise CommandError("Parquet is not for a terminal: name a file with --output")
    data = _encoded(report, form)
    if output is None:
        with stdout_checked():
            sys.stdout.flush()
            sys.stdout.buffer.write(data)
            sys.stdout.flush()
        return
    try:
        Path(output).write_bytes(data)
    except OSError as error:
        raise CommandError(f"{output} cannot be written: {error.strerror}") from None


def _encoded(report: UsageReport, form: UsageFormat) -> bytes:
    if form is UsageFormat.PARQUET:
        return _parquet(report)
    return _csv(report) if form is UsageFormat.CSV else report.encode() + b"\n"


def names(report: UsageReport) -> list[str]:
    """The columns: what the rows stand for, and then the counts."""
    return [*map(str, report.by), *UsageCounts.model_fields]


def _cells(report: UsageReport, row: UsageRow) -> list[Any]:
    return [getattr(row, each) for each in names(report)]


def _csv(report: UsageReport) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(names(report))
    writer.writerows(map(_plain, (_cells(report, row) for row in report.rows)))
    return text.getvalue().encode()


def _plain(cells: list[Any]) -> list[Any]:
    """Without formulas: a tenant or a model may be named as one, and a spreadsheet would run it."""
    shown = [printable(each) if isinstance(each, str) else each for each in cells]
    return [f"'{each}" if _is_formula(each) else each for each in shown]


def _is_formula(cell: object) -> bool:
    return isinstance(cell, str) and cell[:1] in {"=", "+", "-", "@", "\t", "\r"}


def _parquet(report: UsageReport) -> bytes:
    try:
        # Only now: it takes a while to import, and is an extra.
        pa = importlib.import_module("pyarrow")
        parquet = importlib.import_module("pyarrow.parquet")
    except ModuleNotFoundError:
        raise MissingExtra(
            f"Parquet needs an extra that is not installed: {install('parquet')}"
        ) from None
    counted = UsageCounts.model_fields.keys() - _MONEY
    schema = pa.schema(
        [(each, _type(pa, each, is_count=each in counted)) for each in names(report)]
    )
    rows = [dict(zip(names(report), _cells(report, row), strict=True)) for row in report.rows]
    sink = pa.BufferOutputStream()
    parquet.write_table(pa.Table.from_pylist(rows, schema=schema), sink)
    return bytes(sink.getvalue())


def _type(pa: Any, name: str, *, is_count: bool) -> Any:
    if name in _MONEY:
        return pa.float64()
    return pa.int64() if is_count else pa.string()
