"""Tenants: what they may use, and what they use now."""

from rerankq_gateway.console.answers import Answer, Page
from rerankq_gateway.console.elements import badge, section, table
from rerankq_gateway.console.markup import Node, tag
from rerankq_gateway.console.visit import Visit
from rerankq_gateway.console.words import count

SHOWN = 100
_HEADS = ("Tenant", "Weight", "Running", "Not ended", "Today", "Requests", "Tokens", "State")


async def listed(visit: Visit) -> Answer:
    """Those that have limits or tokens, by their names."""
    client, after = visit.client, visit.asked("after")
    known = [each for each in await client.tenants.list() if after is None or each.name > after]
    rows: list[tuple[Node, ...]] = []
    for each in known[:SHOWN]:
        use = await client.tenants.use(each.name)
        rows.append(
            (
                tag("a", each.name, href=visit.to("jobs", tenant=each.name)),
                *(f"{each.weight:g}", _of(use.running, each.in_flight)),
                *(_of(use.queued, each.queued), _of(use.jobs_today, each.jobs_a_day)),
                *(_left(use.requests_left, each.requests), _left(use.tokens_left, each.tokens)),
                badge("disabled" if each.disabled else "ok"),
            )
        )
    more = None
    if len(known) > SHOWN:
        further = visit.to("tenants", after=known[SHOWN - 1].name)
        more = tag("p", tag("a", "More tenants", href=further, rel="next"))
    empty = "No tenants: all jobs are the operator's."
    shown = table("Tenants and their use", _HEADS, rows, empty=empty, numbers=_HEADS[1:7])
    return Page("Tenants", section("Use", shown, more, live="use", alone=True), "tenants")


def _of(used: int, limit: int | None) -> str:
    return count(used) if limit is None else f"{count(used)} of {count(limit)}"


def _left(left: int | None, limit: int | None) -> str:
    if limit is None or left is None:
        return "no limit"
    return f"{count(left)} of {count(limit)} a minute left"
