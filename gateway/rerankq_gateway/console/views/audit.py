"""The audit trail."""

from rerankq_gateway.console.answers import Answer, Page
from rerankq_gateway.console.elements import badge, section, table
from rerankq_gateway.console.markup import tag
from rerankq_gateway.console.visit import Visit
from rerankq_gateway.console.words import NONE, moment

PAGE = 100


async def listed(visit: Visit) -> Answer:
    """What operators and tenants did, the newest first."""
    asked = visit.asked("after")
    after = int(asked) if asked and asked.isascii() and asked.isdigit() else None
    found = await visit.client.audit.page(after=after, limit=PAGE)
    rows = [
        (
            moment(each.at),
            f"{each.actor} ({each.tenant})" if each.tenant else each.actor,
            *(each.by, tag("code", each.action), each.subject or NONE, badge(each.outcome)),
            ", ".join(f"{key}={value}" for key, value in each.details.items()) or NONE,
        )
        for each in found
    ]
    heads = ("Time", "Who", "By", "What", "On", "Outcome", "Details")
    more = None
    if len(found) == PAGE:
        further = visit.to("audit", after=str(found[-1].number))
        more = tag("p", tag("a", "Older entries", href=further, rel="next"))
    shown = table("What was done", heads, rows, empty="Nothing was done yet.")
    return Page("Audit", section("What was done", shown, more, live="audit", alone=True), "audit")
