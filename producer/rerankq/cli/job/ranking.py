"""A ranking as a table, on stdout."""

import math
import sys

from rich.console import Console
from rich.text import Text

from rerankq.cli.tables import Column, show_table
from rerankq.cli.terminal import printable
from rerankq.contract import RerankResult

_COLUMNS = (
    Column("#", right=True),
    Column("score", right=True, style="cyan"),
    Column("index", right=True, style="dim"),
    Column("document"),
)
_OTHER_COLUMNS_WIDTH = 24


def stdout() -> Console:
    """The console to print tables on."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=100)


def show_ranking(result: RerankResult, *, most: int | None = None, lines: int = 3) -> None:
    """Print the ranked documents, best first.

    Args:
        result: the ranking.
        most: how many rows to show; all when None.
        lines: about how many lines of a document are shown on a terminal; all of it elsewhere.
    """
    rows = []
    for rank, row in enumerate(result.results[:most], start=1):
        text = printable("" if row.document is None else row.document.text)
        score = shown_score(row.relevance_score)
        rows.append((str(rank), score, str(row.index), _fitted(text, lines)))
    show_table(_COLUMNS, rows)


def _fitted(text: str, lines: int) -> str:
    if not sys.stdout.isatty():
        return text
    return shortened(text, max(20, (Console().width - _OTHER_COLUMNS_WIDTH) * lines))


def shown_score(score: float) -> str:
    """A score with its meaningful digits."""
    small = score and math.fabs(score) < 0.001  # noqa: PLR2004
    return f"{score:.1e}" if small else f"{score:.4f}"


def shortened(text: str, cells: int) -> str:
    """The text, cut to so many columns of a terminal: a Chinese character takes two."""
    short = Text(text)
    short.truncate(cells, overflow="ellipsis")
    return short.plain
