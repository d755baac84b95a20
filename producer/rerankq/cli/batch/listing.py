"""`rerankq batch list`."""

from typing import Annotated, Final

import typer

from rerankq.cli import options
from rerankq.cli.asking import ask
from rerankq.cli.batch.shown import json_of
from rerankq.cli.tables import Column, show_table
from rerankq.cli.terminal import put, put_json, tell
from rerankq.cli.times import local_time
from rerankq.client import AsyncRerankClient
from rerankq.contract import BatchStatus

_LISTED: Final = (
    *(Column("batch", whole=True), Column("state"), Column("ended", right=True)),
    *(Column("total", right=True), Column("failed", right=True), Column("opened")),
)


def listing(
    *,
    limit: Annotated[int, typer.Option(min=1, help="Show this many at most.")] = 20,
    after: Annotated[
        str | None,
        typer.Option(metavar="BATCH", help="Go on behind this one, the last that was shown."),
    ] = None,
    json: options.AsJsonLines = False,
) -> None:
    """List the batches, the newest first.

    `ended` counts jobs with and without a ranking, and lines that are no jobs; `failed` those
    without one. What is `open` may still grow; `abandoned` was never sealed, and nobody adds to it.
    """

    async def question(client: AsyncRerankClient) -> list[BatchStatus]:
        return [each async for each in client.batches(after=after, limit=limit + 1)]

    found = ask(question)
    shown = found[:limit]
    if json:
        for each in shown:
            put_json(json_of(each))
    elif not shown:
        put("there is no batch" if after is None else "there is no earlier batch")
    else:
        show_table(_LISTED, [_row(each) for each in shown])
    if len(found) > limit:
        tell(f"rerankq: there are more: rerankq batch list --after {shown[-1].id}")


def _row(batch: BatchStatus) -> tuple[str, ...]:
    failed = batch.failed + batch.cancelled + batch.expired + batch.rejected
    return (
        *(batch.id, batch.state.value, str(batch.ended), str(batch.total), str(failed)),
        local_time(batch.created_at),
    )
