"""Tables on stdout: fitted to a terminal; without one, each row is one whole line."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from rerankq.cli.terminal import printable, put, stdout_checked

GAP: Final = "  "


@dataclass(frozen=True, slots=True)
class Column:
    """A column.

    Attributes:
        title: its head.
        style: rich's style for its cells.
        right: whether its cells are aligned to the right.
        whole: whether a narrow terminal may not break its cells.
    """

    title: str = ""
    style: str = ""
    right: bool = False
    whole: bool = False


def show_table(
    columns: Sequence[Column], rows: Sequence[Sequence[str]], *, head: bool = True
) -> None:
    """Print a table. Its cells may hold any text: they pass `printable`."""
    safe = [[printable(cell) for cell in row] for row in rows]
    if sys.stdout.isatty():
        with stdout_checked():
            Console(highlight=False).print(_table(columns, safe, head=head))
        return
    shown = [[each.title for each in columns]] if head else []
    shown += safe
    widths = [max(map(cell_len, column)) for column in zip(*shown, strict=True)]
    for row in shown:
        put(GAP.join(map(_padded, row, widths, columns)).rstrip())


def _padded(cell: str, width: int, column: Column) -> str:
    blank = " " * (width - cell_len(cell))
    return blank + cell if column.right else cell + blank


def _table(columns: Sequence[Column], rows: Sequence[Sequence[str]], *, head: bool) -> Table:
    table = Table(box=None, pad_edge=False, show_header=head, header_style="dim")
    for column in columns:
        table.add_column(
            column.title,
            style=column.style,
            justify="right" if column.right else "left",
            no_wrap=column.whole,
            overflow="fold",
        )
    for row in rows:
        # As text: square brackets in cells are not markup.
        table.add_row(*map(Text, row))
    return table
