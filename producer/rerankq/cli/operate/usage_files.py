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

_COSTS: Final = {"costs": "cost", "costs_at_most": "cost_at_most"}
"""Fields that have an amount for each currency, and how their columns begin."""


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


def columns(report: UsageReport) -> dict[str, type]:
    """The columns and their types: what the rows stand for, the counts, and costs by currency."""
    counts = (each for each in UsageCounts.model_fields if each not in _COSTS)
    currencies = sorted(report.total.costs)
    costs = (f"{head}_{each}" for each in currencies for head in _COSTS.values())
    return (
        dict.fromkeys(map(str, report.by), str)
        | dict.fromkeys(counts, int)
        | dict.fromkeys(costs, float)
    )


def _rows(report: UsageReport) -> list[dict[str, Any]]:
    """A row has no cost in a currency in which no call of it was priced."""
    return [row.model_dump() | _costs_of(row) for row in report.rows]


def _costs_of(row: UsageRow) -> dict[str, float]:
    return {
        f"{head}_{currency}": cost
        for name, head in _COSTS.items()
        for currency, cost in getattr(row, name).items()
    }


def _csv(report: UsageReport) -> bytes:
    text = io.StringIO(newline="")
    names = columns(report)
    writer = csv.writer(text)
    writer.writerow(names)
    writer.writerows(_plain([row.get(each) for each in names]) for row in _rows(report))
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
    types = {str: pa.string(), int: pa.int64(), float: pa.float64()}
    named = columns(report)
    schema = pa.schema([(name, types[kind]) for name, kind in named.items()])
    rows = [{name: row.get(name) for name in named} for row in _rows(report)]
    sink = pa.BufferOutputStream()
    parquet.write_table(pa.Table.from_pylist(rows, schema=schema), sink)
    return bytes(sink.getvalue())
