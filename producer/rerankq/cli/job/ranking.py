"""A ranking as a table, on stdout."""

import math
import sys

from rich.console import Console
from rich.text import Text

from rerankq.cli.tables import Column, show_table
from rerankq.cli.terminal import printable
from rerankq.contract import RerankResult

_RANK, _SCORE = Column("#", right=True), Column("score", right=True, style="cyan")
_RAW = Column("raw", right=True, style="dim")
_INDEX, _DOCUMENT = Column("index", right=True, style="dim"), Column("document")
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
    has_raw = any(row.raw_score is not None for row in result.results[:most])
    rows = []
    for rank, row in enumerate(result.results[:most], start=1):
        text = printable("" if row.document is None else row.document.text)
        score = shown_score(row.relevance_score)
        raw = ("" if row.raw_score is None else shown_score(row.raw_score),) if has_raw else ()
        rows.append((str(rank), score, *raw, str(row.index), _fitted(text, lines)))
    show_table((_RANK, _SCORE, *((_RAW,) if has_raw else ()), _INDEX, _DOCUMENT), rows)


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
