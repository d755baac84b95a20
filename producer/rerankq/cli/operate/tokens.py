"""`rerankq token`: who may use the service over HTTP."""

import time
from typing import Annotated, Final

import typer

from rerankq.cli import options
from rerankq.cli.asking import act, ask
from rerankq.cli.failures import CommandError
from rerankq.cli.tables import Column, show_table
from rerankq.cli.terminal import put, put_json, tell
from rerankq.cli.times import local_time
from rerankq.client import AsyncRerankClient
from rerankq.contract import NewToken, OnFailure, Scope, Token
from rerankq.errors import TenantNotFound

app = typer.Typer(
    name="token",
    no_args_is_help=True,
    add_completion=False,
    # Joins the lines of a paragraph, as plain and rich markup do not.
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Make, list and revoke tokens of the gateway.",
)

DAY_SECONDS: Final = 24 * 3600


@app.command()
def create(
    *,
    tenant: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Whose it is; without it, it sees everybody's jobs."),
    ] = None,
    scope: Annotated[
        list[Scope] | None,
        typer.Option(help="What it allows; may be repeated.", show_default="submit, read"),
    ] = None,
    name: Annotated[str, typer.Option(help="Your own words for it, for the list.")] = "",
    days: Annotated[
        float | None,
        typer.Option(min=0.001, max=36500, help="Stop working after so many days."),
    ] = None,
    on_failure: Annotated[
        OnFailure | None,
        typer.Option(
            help="What its rerank calls get when no ranking comes in time: an error, or the "
            "documents in their order.",
        ),
    ] = None,
    json: options.AsJson = False,
) -> None:
    """Make a token and print it: this is the only time that it is shown.

    The token alone goes to stdout; what it may do goes to stderr. Redis has only its SHA-256.
    """
    allowed = scope or [Scope.SUBMIT, Scope.READ]
    expires = None if days is None else time.time() + days * DAY_SECONDS

    async def question(client: AsyncRerankClient) -> tuple[NewToken, bool]:
        is_new = tenant is not None and not await _is_known(client, tenant)
        made = await client.tokens.create(
            tenant=tenant,
            scopes=allowed,
            name=name,
            expires_at=expires,
            on_failure=on_failure,
        )
        return made, is_new

    token, is_new = act(
        "token.create",
        lambda made: made[0].id,
        question,
        tenant=tenant,
        scopes=" ".join(sorted(allowed)),
    )
    if json:
        put_json(token.encode())
        return
    put(token.secret)
    whose = f"of tenant {token.tenant}" if token.tenant else "of the operator: it sees all jobs"
    until = f", until {local_time(token.expires_at)}" if token.expires_at else ""
    tell(f"rerankq: {token.id} {whose}; may {_scopes(token)}{until}; it is not shown again")
    if is_new:
        tell(f"rerankq: tenant {token.tenant} is new and has no limits: see `rerankq tenant set`")


@app.command("list")
def list_(
    *,
    tenant: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only those of this tenant.")
    ] = None,
    json: options.AsJsonLines = False,
) -> None:
    """List the tokens that work, the newest first, without their secrets."""
    tokens = ask(lambda client: client.tokens.list(tenant=tenant))
    if json:
        for token in tokens:
            put_json(token.encode())
        return
    if not tokens:
        put("no tokens: `rerankq token create` makes one")
        return
    show_table(_LISTED, [_listed(each) for each in tokens])


@app.command()
def revoke(
    *,
    ids: Annotated[
        list[str] | None, typer.Argument(metavar="[ID]...", help="As `list` shows them.")
    ] = None,
    every: Annotated[
        bool,
        typer.Option(
            "--all", help="All of them: a gateway on the loopback then needs no token any more."
        ),
    ] = False,
) -> None:
    """Make tokens useless. A gateway that has just seen one may let it in for 5 seconds more.

    Once there was a token, a gateway needs one: also when the last one is revoked or expires. Only
    --all ends that.
    """
    if bool(ids) == every:
        raise CommandError("name tokens, or use --all")

    async def question(client: AsyncRerankClient) -> None:
        if every:
            put(f"{await client.tokens.clear()} tokens revoked")
        for token_id in ids or ():
            put(f"revoked: {(await client.tokens.revoke(token_id)).id}")

    act("token.revoke", "all" if every else " ".join(ids or ()), question)


async def _is_known(client: AsyncRerankClient, tenant: str) -> bool:
    try:
        await client.tenants.get(tenant)
    except TenantNotFound:
        return False
    return True


def _scopes(token: Token) -> str:
    return ", ".join(each.value for each in Scope if each in token.scopes)


_LISTED: Final = (
    *(Column("id", whole=True), Column("tenant"), Column("scopes"), Column("name")),
    *(Column("created", whole=True), Column("expires", whole=True)),
)


def _listed(token: Token) -> tuple[str, ...]:
    expires = local_time(token.expires_at) if token.expires_at else "never"
    return (
        *(token.id, token.tenant or "(operator)", _scopes(token), token.name),
        *(local_time(token.created_at), expires),
    )
