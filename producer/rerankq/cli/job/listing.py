"""`rerankq jobs list`."""

from typing import Annotated, Any, Final

import typer

from rerankq.cli import options
from rerankq.cli.asking import ask
from rerankq.cli.failures import CommandError
from rerankq.cli.tables import Column, show_table
from rerankq.cli.terminal import put, put_json, tell
from rerankq.cli.times import local_time, moment
from rerankq.client import AsyncRerankClient
from rerankq.client.job_lists import JobSearch
from rerankq.contract import JobPage, JobSummary, Lane

_SECTIONS: Final = ("running", "waiting", "ended")
_MOST: Final = 500
_LISTED: Final = (
    *(Column("job", whole=True), Column("state"), Column("time", whole=True)),
    *(Column("tries", right=True), Column("reason"), Column("custom id"), Column("batch")),
)


def listing(
    *,
    state: Annotated[
        list[str] | None,
        typer.Option(
            help="queued, scheduled, running, succeeded, failed, cancelled or expired; waiting, "
            "unfinished or ended for several. May come often."
        ),
    ] = None,
    since: Annotated[
        float | None,
        typer.Option(
            parser=moment,
            metavar="TIME",
            help="Ended, or began, then or later: 2h, 2026-12-04.",
        ),
    ] = None,
    until: Annotated[
        float | None, typer.Option(parser=moment, metavar="TIME", help="The same, then or before.")
    ] = None,
    reason: Annotated[
        list[str] | None, typer.Option(help="Failed for it, or wait for it. May come often.")
    ] = None,
    batch: Annotated[str | None, typer.Option(help="Of this batch.")] = None,
    custom_id: Annotated[str | None, typer.Option(help="With this name of yours.")] = None,
    lane: Annotated[Lane | None, typer.Option(help="Of this lane.")] = None,
    model: Annotated[str | None, typer.Option(help="For this model.")] = None,
    metadata: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUE", help="With this metadata. May come often."),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=_MOST, help="Show this many at most.")] = 20,
    after: Annotated[
        str | None, typer.Option(metavar="NEXT", help="Go on where the list before ended.")
    ] = None,
    json: options.AsJsonLines = False,
) -> None:
    """List jobs: those that run, those that wait, and the ended ones, the newest first.

    Without --state, up to --limit of each of the three are shown. Ended jobs are found for as long
    as the history keeps them (RERANKQ_HISTORY_TTL), also when their results are gone.
    """
    wanted: JobSearch = {
        "since": since,
        "until": until,
        "reason": reason,
        "batch_id": batch,
        "custom_id": custom_id,
        "lane": lane,
        "model": model,
        "metadata": _pairs(metadata or []),
    }

    async def question(client: AsyncRerankClient) -> list[tuple[str, JobPage]]:
        if state or after:
            chosen: list[tuple[str, Any]] = [("", state)]
        else:
            chosen = [(each, each) for each in _SECTIONS]
        return [
            (name, await _whole_page(client, limit, after, {**wanted, "state": states}))
            for name, states in chosen
        ]

    pages = ask(question)
    jobs = [each for _, page in pages for each in page.jobs]
    if json:
        for each in jobs:
            put_json(each.encode())
    elif not jobs:
        put("there is no such job" if after is None else "there are no more such jobs")
    else:
        show_table(_LISTED, [_row(each) for each in jobs])
    for name, page in pages:
        if page.next is not None:
            only = f"--state {name} " if name else ""
            tell(f"rerankq: there may be more {name or 'jobs'}: add {only}--after {page.next}")


async def _whole_page(
    client: AsyncRerankClient, limit: int, after: str | None, wanted: JobSearch
) -> JobPage:
    """A page as long as `limit` if there are so many: a search may need several for that."""
    found: list[JobSummary] = []
    while True:
        page = await client.job_page(after=after, limit=limit - len(found), **wanted)
        found += page.jobs
        after = page.next
        if after is None or len(found) == limit:
            return JobPage(jobs=tuple(found), next=after)


def _row(job: JobSummary) -> tuple[str, ...]:
    at = job.finished_at or job.next_attempt_at or job.started_at or job.submitted_at
    return (
        *(job.id, "held" if job.held else job.state.value, local_time(at, "seconds", offset=False)),
        *(str(job.attempts), job.reason or "", job.custom_id or "", job.batch_id or ""),
    )


def _pairs(given: list[str]) -> dict[str, str]:
    pairs = [each.partition("=") for each in given]
    for key, separator, _ in pairs:
        if not separator:
            raise CommandError(f"--metadata {key}: give a key and a value, as team=search")
    return {key: value for key, _, value in pairs}
