"""Options that several commands share, and what groups of commands have in common."""

from typing import Annotated

import typer

from rerankq.contract import Lane, LongDocuments

Output = Annotated[
    str, typer.Option("--output", "-o", metavar="FILE", help="Where the rankings go; - is stdout.")
]
LaneOption = Annotated[
    Lane | None, typer.Option("--lane", help="Lane of jobs that name none.", show_default="bulk")
]
Model = Annotated[
    str | None,
    typer.Option("--model", metavar="NAME", help="Model of jobs that name none."),
]
TopN = Annotated[
    int | None,
    typer.Option("--top-n", metavar="N", min=1, help="How many of the best to return."),
]
MinScore = Annotated[
    float | None,
    typer.Option(
        "--min-score", metavar="SCORE", min=0, max=1, help="Leave out documents with a lower score."
    ),
]
RawScores = Annotated[
    bool, typer.Option("--raw-scores", help="Show the site's own scores beside the others.")
]
LongDocumentsOption = Annotated[
    LongDocuments | None,
    typer.Option(
        "--long-documents",
        help="What is done with documents beyond the model's context.",
        show_default="the worker's",
    ),
]
NoReuse = Annotated[
    bool, typer.Option("--no-reuse", help="Score all documents anew, use no known scores.")
]
Budget = Annotated[
    str | None,
    typer.Option(
        "--budget",
        metavar="AMOUNT",
        help="What the jobs may cost together: tokens, such as 5000000, or money, such as "
        "'12.50 USD'.",
    ),
]
Timeout = Annotated[
    float | None,
    typer.Option("--timeout", metavar="SECONDS", min=0, help="Wait no longer than this."),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Show only what went wrong.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object, for scripts.")]
AsJsonLines = Annotated[bool, typer.Option("--json", help="Print JSON objects, one a line.")]
JsonSummary = Annotated[
    bool, typer.Option("--json", help="End with a JSON object on stderr in place of a sentence.")
]
JobId = Annotated[str, typer.Argument(metavar="ID", help="The id that submit printed.")]
BatchId = Annotated[
    str, typer.Argument(metavar="BATCH", help="The id that run, or `batch list`, showed.")
]


def group(name: str, summary: str) -> typer.Typer:
    """A command that has commands of its own."""
    return typer.Typer(
        name=name,
        no_args_is_help=True,
        add_completion=False,
        # Markdown joins the lines of a paragraph; plain and rich markup do not.
        rich_markup_mode="markdown",
        context_settings={"help_option_names": ["-h", "--help"]},
        help=summary,
    )
