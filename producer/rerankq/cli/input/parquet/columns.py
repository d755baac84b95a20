"""Finds the column of a table that holds each field of a job."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from rerankq.cli.failures import CommandError
from rerankq.client.line_forms import JOB_FIELDS, REQUEST_FIELDS

FIELDS: Final = (*REQUEST_FIELDS, *JOB_FIELDS)
_OTHER_NAMES: Final[dict[str, tuple[str, ...]]] = {
    "query": ("question", "query_text"),
    "documents": ("docs", "passages", "candidates", "contexts", "texts"),
    "custom_id": ("row_id", "id", "_id", "query_id", "qid"),
    "instruction": ("instruct",),
}
"""What a column may also be called, the most telling name first."""


def assignments(options: Iterable[str]) -> dict[str, str]:
    """The columns that options of the form `FIELD=COLUMN` name.

    Raises:
        CommandError: one has another form, or names no field.
    """
    given: dict[str, str] = {}
    for option in options:
        field, is_there, column = option.partition("=")
        if not is_there or not column or field not in FIELDS:
            raise CommandError(
                f"--column {option}: write FIELD=COLUMN, with one of {', '.join(FIELDS)} as FIELD"
            )
        if field in given:
            raise CommandError(f"--column {field}=…: it is given twice: name one column")
        given[field] = column
    return given


def mapped(columns: Sequence[str], given: Mapping[str, str], *, name: str) -> dict[str, str]:
    """The column of each field that the table has.

    Args:
        columns: the names of the table's columns.
        given: columns that the user has named, by field.
        name: the table's name in messages.

    Raises:
        CommandError: a named column is not there, or there is none for query or documents.
    """
    there = set(columns)
    for field, column in given.items():
        if column not in there:
            raise CommandError(
                f"{name} has no column {column!r} for {field}: it has {_listed(columns)}"
            )
    found = dict(given)
    for field in FIELDS:
        names = (field, *_OTHER_NAMES.get(field, ()))
        named = [each for each in names if each in there and each not in given.values()]
        if named and field not in found:
            found[field] = named[0]
    for field in ("query", "documents"):
        if field not in found:
            raise CommandError(
                f"{name} has no column for {field}: name one with --column {field}=COLUMN; "
                f"it has {_listed(columns)}"
            )
    return found


def _listed(columns: Sequence[str]) -> str:
    return ", ".join(columns) or "no columns"
