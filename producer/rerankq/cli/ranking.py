"""A ranking as people like to read it, on stdout."""

import math

from rich.console import Console
from rich.table import Table
from rich.text import Text

from rerankq.cli.terminal import printable
from rerankq.contract import RerankResult

PIPE_WIDTH = 100


def stdout() -> Console:
    """The console to print tables on."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=PIPE_WIDTH)


def ranking_table(result: RerankResult, *, most: int | None = None, lines: int = 3) -> Table:
    """The ranked documents, best first.

    Args:
        result: the ranking.
        most: how many rows to show; all when None.
        lines: about how many lines of a document to show.
    """
    table = Table(box=None, pad_edge=False, show_header=True, header_style="dim")
    table.add_column("#", justify="right")
    table.add_column("score", justify="right", style="cyan")
    table.add_column("index", justify="right", style="dim")
    table.add_column("document", overflow="fold")
    width = stdout().width - 24
    for rank, row in enumerate(result.results[:most], start=1):
        text = "" if row.document is None else row.document.text
        shown = shortened(printable(text), max(20, width * lines))
        table.add_row(str(rank), shown_score(row.relevance_score), str(row.index), Text(shown))
    return table


def shown_score(score: float) -> str:
    """A score with as many digits as tell something."""
    small = score and math.fabs(score) < 0.001  # noqa: PLR2004
    return f"{score:.1e}" if small else f"{score:.4f}"


def shortened(text: str, cells: int) -> str:
    """The text, cut to so many columns of a terminal: a Chinese character takes two."""
    short = Text(text)
    short.truncate(cells, overflow="ellipsis")
    return short.plain
