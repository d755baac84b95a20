"""`rerankq tenant`: the users of one service, their quotas and their weights."""

from contextlib import suppress
from typing import Annotated, Any, Final

import orjson
import typer

from rerankq.cli import options
from rerankq.cli.asking import act, ask
from rerankq.cli.batch.shown import budget_of
from rerankq.cli.tables import Column, show_table
from rerankq.cli.terminal import put, put_json
from rerankq.cli.times import local_time
from rerankq.client import AsyncRerankClient
from rerankq.contract import Tenant, TenantUse
from rerankq.errors import TenantNotFound

app = typer.Typer(
    name="tenant",
    no_args_is_help=True,
    add_completion=False,
    # Joins the lines of a paragraph, as plain and rich markup do not.
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Set the quotas and weights of tenants.",
)

NONE: Final = "none"
UNLIMITED: Final = 0
"""Stands for `none` between typer and the command: no limit can be 0."""


def _limit(given: str) -> int:
    if given == NONE:
        return UNLIMITED
    if not given.isascii() or not given.isdigit() or not int(given):
        raise typer.BadParameter(f"must be a whole number from 1 on, or {NONE}")
    return int(given)


def _option(name: str, what: str) -> Any:
    return typer.Option(name, metavar=f"N|{NONE}", parser=_limit, help=what)


Name = Annotated[str, typer.Argument(metavar="NAME", help="Letters, digits and _ . -.")]


@app.command("set")
def set_(
    *,
    name: Name,
    weight: Annotated[
        float | None,
        typer.Option(min=0.01, max=1000, help="Its share of a lane, beside those of the others."),
    ] = None,
    requests: Annotated[int | None, _option("--requests", "Interactive jobs a minute.")] = None,
    tokens: Annotated[
        int | None, _option("--tokens", "Estimated tokens of interactive jobs a minute.")
    ] = None,
    in_flight: Annotated[
        int | None, _option("--in-flight", "Jobs that run at the same time.")
    ] = None,
    queued: Annotated[int | None, _option("--queued", "Jobs that have not ended.")] = None,
    jobs_a_day: Annotated[
        int | None, _option("--jobs-a-day", "Jobs accepted from midnight to midnight UTC.")
    ] = None,
    budget: Annotated[
        str | None,
        typer.Option(
            metavar=f"AMOUNT|{NONE}",
            help="What its jobs may cost together: tokens, such as 5000000, or '12.50 USD'.",
        ),
    ] = None,
    disabled: Annotated[
        bool | None,
        typer.Option("--disable/--enable", help="Whether its new jobs are refused."),
    ] = None,
    json: options.AsJson = False,
) -> None:
    """Set a tenant's quotas and weight. What is not given stays as it is; `none` lifts a limit."""
    given = {
        "weight": weight,
        "requests": requests,
        "tokens": tokens,
        "in_flight": in_flight,
        "queued": queued,
        "jobs_a_day": jobs_a_day,
        "budget": budget,
        "disabled": disabled,
    }
    changes: dict[str, Any] = {
        each: None if value == NONE or (each in _LIMITS and value == UNLIMITED) else value
        for each, value in given.items()
        if value is not None
    }

    noted = {each: "none" if value is None else value for each, value in changes.items()}

    async def question(client: AsyncRerankClient) -> tuple[Tenant, TenantUse]:
        fields = Tenant(name="new").model_dump()
        with suppress(TenantNotFound):
            fields = (await client.tenants.get(name)).model_dump()
        del fields["name"], fields["created_at"]
        tenant = await client.tenants.set(name, **fields | changes)
        return tenant, await client.tenants.use(name)

    _show(*act("tenant.set", name, question, **noted), json=json)


@app.command()
def show(*, name: Name, json: options.AsJson = False) -> None:
    """Show a tenant's quotas and weight, and what it uses now.

    With --json, `use` has the latter.
    """

    async def question(client: AsyncRerankClient) -> tuple[Tenant, TenantUse]:
        return await client.tenants.get(name), await client.tenants.use(name)

    _show(*ask(question), json=json)


@app.command("list")
def list_(*, json: options.AsJsonLines = False) -> None:
    """List the tenants that have quotas or tokens, by their names."""
    tenants = ask(lambda client: client.tenants.list())
    if json:
        for tenant in tenants:
            put_json(_json_of(tenant))
        return
    if not tenants:
        put("no tenants: `rerankq tenant set` makes one")
        return
    show_table(_LISTED, [_listed(each) for each in tenants])


@app.command()
def remove(
    *,
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="As `list` shows them.")],
) -> None:
    """Revoke a tenant's tokens and forget its quotas. Its jobs go on, and end as others do."""

    async def question(client: AsyncRerankClient) -> None:
        for name in names:
            await client.tenants.remove(name)
            put(f"removed: {name}")

    act("tenant.remove", " ".join(names), question)


_LIMITS: Final = ("requests", "tokens", "in_flight", "queued", "jobs_a_day")
_LISTED: Final = (
    *(Column("tenant", whole=True), Column("weight", right=True)),
    *(Column("requests/min", right=True), Column("tokens/min", right=True)),
    *(Column("in flight", right=True), Column("queued", right=True)),
    *(Column("jobs/day", right=True), Column("state")),
)


def _listed(tenant: Tenant) -> tuple[str, ...]:
    limits = (getattr(tenant, each) for each in _LIMITS)
    return (
        *(tenant.name, f"{tenant.weight:g}"),
        *("-" if limit is None else f"{limit:,}" for limit in limits),
        "disabled" if tenant.disabled else "",
    )


def _show(tenant: Tenant, use: TenantUse, *, json: bool) -> None:
    if json:
        put_json(_json_of(tenant, use))
        return
    used = {
        "requests": "" if use.requests_left is None else f"{use.requests_left:,} left",
        "tokens": "" if use.tokens_left is None else f"{use.tokens_left:,} left",
        "in_flight": f"{use.running:,} now",
        "queued": f"{use.queued:,} now",
        "jobs_a_day": f"{use.jobs_today:,} today",
    }
    rows = [("name", tenant.name), ("created", local_time(tenant.created_at))]
    rows += [("weight", f"{tenant.weight:g}")]
    for each in _LIMITS:
        limit = getattr(tenant, each)
        said = "no limit" if limit is None else f"{limit:,}"
        now = f" ({used[each]})" if used[each] else ""
        rows.append((each.replace("_", " "), said + now))
    if tenant.budget or use.budget:
        rows.append(("budget", budget_of(use.budget) or str(tenant.budget)))
    rows.append(("submits", "no: it is disabled" if tenant.disabled else "yes"))
    show_table((Column(style="dim"), Column()), rows, head=False)


def _json_of(tenant: Tenant, use: TenantUse | None = None) -> bytes:
    # Each limit has its field, also where there is none: scripts then need not tell the two apart.
    used = {"use": use.model_dump(mode="json")} if use else {}
    return orjson.dumps(tenant.model_dump(mode="json") | used)
