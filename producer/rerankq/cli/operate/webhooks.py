"""`rerankq webhook`: URLs that are told when batches and jobs end."""

import time
from typing import Annotated, Final

import typer

from rerankq.cli import options
from rerankq.cli.asking import act, ask
from rerankq.cli.failures import CommandError
from rerankq.cli.tables import Column, show_table
from rerankq.cli.terminal import put, put_json, tell
from rerankq.cli.times import local_time
from rerankq.contract import NewWebhook, Webhook, WebhookEvent, WebhookTry

app = typer.Typer(
    name="webhook",
    no_args_is_help=True,
    add_completion=False,
    # Joins the lines of a paragraph, as plain and rich markup do not.
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Make and remove webhooks; see their calls.",
)

HOUR_SECONDS: Final = 3600.0
SHOWN: Final = 20
Id = Annotated[str, typer.Argument(metavar="ID", help="As `list` shows it.")]
TenantOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAME", help="Whose it is; without it, it hears of the batches of all tenants."
    ),
]


@app.command()
def create(
    *,
    url: Annotated[str, typer.Argument(metavar="URL", help="What is called; https.")],
    tenant: TenantOption = None,
    event: Annotated[
        list[WebhookEvent] | None,
        typer.Option(help="What it hears of; may be repeated.", show_default="all"),
    ] = None,
    only_named: Annotated[
        bool,
        typer.Option("--only-named", help="Let it hear only of jobs and batches that name it."),
    ] = False,
    json: options.AsJson = False,
) -> None:
    """Make a webhook and print its secret: this is the only time that it is shown.

    The secret alone goes to stdout, the webhook's id to stderr. Gateways make the calls.
    """
    if event and only_named:
        raise CommandError("use --event or --only-named")
    events = [] if only_named else event or list(WebhookEvent)
    made = act(
        "webhook.create",
        lambda made: made.id,
        lambda client: client.for_tenant(tenant).webhooks.create(url, events=events),
        tenant=tenant,
    )
    _show_secret(made, json=json)


@app.command("list")
def list_(*, tenant: TenantOption = None, json: options.AsJsonLines = False) -> None:
    """List the webhooks, the newest first, without their secrets."""
    found = ask(lambda client: client.for_tenant(tenant).webhooks.list())
    if json:
        for each in found:
            put_json(each.encode())
    elif not found:
        put("no webhooks: `rerankq webhook create` makes one")
    else:
        show_table(_LISTED, [_listed(each) for each in found])


@app.command()
def remove(*, webhook_id: Id) -> None:
    """Remove a webhook: what it has not been told yet, it never will."""
    act("webhook.remove", webhook_id, lambda client: client.webhooks.remove(webhook_id))
    put(f"removed: {webhook_id}")


@app.command()
def rotate(
    *,
    webhook_id: Id,
    overlap: Annotated[
        float,
        typer.Option(min=0, max=720, help="Hours for which the old secret signs as well."),
    ] = 24,
    json: options.AsJson = False,
) -> None:
    """Replace a webhook's secret and print the new one; calls are signed by both for a while."""
    made = act(
        "webhook.rotate",
        webhook_id,
        lambda client: client.webhooks.rotate(webhook_id, overlap_seconds=overlap * HOUR_SECONDS),
    )
    _show_secret(made, json=json)


@app.command()
def enable(*, webhook_id: Id) -> None:
    """Call a webhook again that was disabled by 410, or by a day of failures."""
    act("webhook.enable", webhook_id, lambda client: client.webhooks.enable(webhook_id))
    put(f"enabled: {webhook_id}; `rerankq webhook replay` sends what it missed")


@app.command()
def log(
    *,
    webhook_id: Id,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many calls.")] = SHOWN,
    json: options.AsJsonLines = False,
) -> None:
    """Show a webhook's last calls, the newest first."""
    found = ask(lambda client: client.webhooks.log(webhook_id, limit=limit))
    if json:
        for each in found:
            put_json(each.encode())
    elif not found:
        put("no calls yet")
    else:
        show_table(_TRIED, [_tried(each) for each in found])


@app.command()
def replay(
    *,
    webhook_id: Id,
    event_id: Annotated[str | None, typer.Option("--event", help="One event, by its id.")] = None,
    hours: Annotated[
        float | None,
        typer.Option(min=0.01, max=96, help="All of the last hours that were not delivered."),
    ] = None,
) -> None:
    """Send again what a webhook was told or missed in the last four days."""
    if (event_id is None) == (hours is None):
        raise CommandError("use --event or --hours")
    since = None if hours is None else time.time() - hours * HOUR_SECONDS
    sent = act(
        "webhook.replay",
        webhook_id,
        lambda client: client.webhooks.replay(webhook_id, event_id=event_id, since=since),
    )
    put(f"{sent} events are sent again")


def _show_secret(made: NewWebhook, *, json: bool) -> None:
    if json:
        put_json(made.encode())
        return
    put(made.secret)
    whose = f"of tenant {made.tenant}" if made.tenant else "of the operator"
    tell(f"rerankq: {made.id} {whose}; its secret is not shown again")


_LISTED: Final = (
    *(Column("id", whole=True), Column("tenant"), Column("url"), Column("events")),
    *(Column("created", whole=True), Column("state")),
)


def _listed(each: Webhook) -> tuple[str, ...]:
    events = "all" if len(each.events) == len(WebhookEvent) else ", ".join(each.events)
    return (
        *(each.id, each.tenant or "(operator)", each.url, events or "when named"),
        *(local_time(each.created_at), _state(each)),
    )


def _state(each: Webhook) -> str:
    if each.disabled:
        return f"disabled: {each.disabled.value}"
    state = f"failing since {local_time(each.failing_since)}" if each.failing_since else "ok"
    return f"{state}, {each.pending} wait" if each.pending else state


_TRIED: Final = (
    *(Column("at", whole=True), Column("event"), Column("type"), Column("try")),
    *(Column("outcome"), Column("status"), Column("ms"), Column("reason")),
)


def _tried(each: WebhookTry) -> tuple[str, ...]:
    return (
        *(local_time(each.at), each.event_id, each.type, str(each.attempt)),
        *(each.outcome.value, str(each.status or ""), str(each.ms), each.reason),
    )
