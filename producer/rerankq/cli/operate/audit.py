"""`rerankq audit`."""

from typing import Annotated, Final

import typer

from rerankq.cli import options
from rerankq.cli.asking import ask
from rerankq.cli.tables import Column, show_table
from rerankq.cli.terminal import put, put_json, tell
from rerankq.cli.times import local_time
from rerankq.contract import AuditEntry

_LISTED: Final = (
    *(Column("time", whole=True), Column("who"), Column("what"), Column("on")),
    *(Column("outcome"), Column("details")),
)


def audit(
    *,
    tenant: Annotated[str | None, typer.Option(help="Only what this tenant did.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=500, help="Show this many at most.")] = 20,
    after: Annotated[
        int | None, typer.Option(metavar="NUMBER", help="Go on behind the entry of that number.")
    ] = None,
    json: options.AsJsonLines = False,
) -> None:
    """Show what operators did.

    The newest comes first: who did what, when, on what, and how it went. What tenants did at the
    gateway is shown too. The last 10,000 acts of operators are kept, and as many of all tenants.
    """
    found = ask(lambda client: client.audit.page(tenant=tenant, after=after, limit=limit))
    if json:
        for each in found:
            put_json(each.encode())
    elif not found:
        put("nothing was done yet" if after is None else "nothing was done before")
    else:
        show_table(_LISTED, [_row(each) for each in found])
    if len(found) == limit:
        tell(f"rerankq: there may be more: rerankq audit --after {found[-1].number}")


def _row(entry: AuditEntry) -> tuple[str, ...]:
    who = f"{entry.actor} ({entry.tenant})" if entry.tenant else entry.actor
    details = ", ".join(f"{key}={value}" for key, value in entry.details.items())
    time = local_time(entry.at, "seconds", offset=False)
    return time, who, entry.action, entry.subject, entry.outcome, details
