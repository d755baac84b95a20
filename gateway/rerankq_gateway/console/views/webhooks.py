"""Webhooks: where they lead, and how they fare. Their secrets are never shown."""

from rerankq_gateway.console.answers import Answer, Moved, Page
from rerankq_gateway.console.elements import badge, section, table
from rerankq_gateway.console.markup import Node, tag
from rerankq_gateway.console.visit import Visit
from rerankq_gateway.console.words import NONE, count, moment, short


async def listed(visit: Visit) -> Answer:
    """All that the visitor may see."""
    rows: list[tuple[Node, ...]] = []
    for each in await visit.client.webhooks.list():
        state = badge("disabled" if each.disabled else "ok")
        act: Node = NONE
        if each.disabled:
            act = visit.act("Enable", "webhooks", each.id, "enable", kind="main")
        rows.append(
            (
                *(short(each.id), tag("code", each.url), each.tenant or NONE, state),
                *(moment(each.failing_since), count(each.pending), count(each.dropped), act),
            )
        )
    heads = ("Webhook", "URL", "Tenant", "State", "Failing since", "Pending", "Dropped", "Acts")
    shown = table(
        "Webhooks", heads, rows, empty="There are no webhooks.", numbers=("Pending", "Dropped")
    )
    return Page("Webhooks", section("All webhooks", shown, live="webhooks", alone=True), "webhooks")


async def enable(visit: Visit) -> Answer:
    """Call one again after it was disabled."""
    webhook_id = visit.names["webhook"]
    async with visit.parts.audited(visit.who, "webhook.enable", webhook_id):
        await visit.client.webhooks.enable(webhook_id)
    return Moved(visit.to("webhooks", done="enabled"))
