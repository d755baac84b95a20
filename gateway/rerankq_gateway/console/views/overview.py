"""The first page: what holds jobs up, the lanes, how fast they go, and the workers."""

from collections.abc import Sequence
from contextlib import suppress

from rerankq.contract import Tenant, WaitReason
from rerankq.errors import TenantNotFound
from rerankq_gateway.console.answers import Answer, Page
from rerankq_gateway.console.charts import chart
from rerankq_gateway.console.elements import badge, facts, figures, section, table, waits
from rerankq_gateway.console.markup import Html, joined, tag
from rerankq_gateway.console.pulse import Pulse
from rerankq_gateway.console.views.batches import batches_table
from rerankq_gateway.console.visit import Visit
from rerankq_gateway.console.words import NONE, ago, count, duration

MOST_WORKERS = 100
_BATCHES = 5
_LANE_HEADS = ("Lane", "Queued", "Running", "Scheduled", "Held", "Oldest", "Workers")


class Overview:
    """The page, with what it remembers of the last minutes."""

    def __init__(self) -> None:
        self._pulse = Pulse()

    async def page(self, visit: Visit) -> Answer:
        """What an operator, or a tenant, wants to see first."""
        if not visit.is_operator:
            return Page("Overview", await _of_tenant(visit))
        return Page(
            "Overview",
            joined(
                _health(await visit.client.why()),
                await _lanes(visit),
                await self._flow(visit),
                await _batches(visit),
                await _workers(visit),
            ),
        )

    async def _flow(self, visit: Visit) -> Html:
        beats = await self._pulse.read(visit.client)
        last = beats[-1]
        told = figures(
            {
                "Jobs a second": f"{last.rate:,.1f}",
                "Failed": f"{last.failed:.1f} %",
                "Call, median": duration(last.median) if last.median else NONE,
                "Call, 95 of 100 below": duration(last.slow) if last.slow else NONE,
            }
        )
        rates = {"jobs a second": [(each.at, each.rate) for each in beats]}
        times = {
            "median": [(each.at, each.median) for each in beats if each.median],
            "95 of 100 below": [(each.at, each.slow) for each in beats if each.slow],
        }
        ended = f"{last.rate:,.1f} jobs a second"
        took = f"median {duration(last.median)}" if last.median else "no calls lately"
        pictures = tag(
            "div",
            chart(
                "Throughput", ended, rates, now=last.at, scale=lambda each: f"{each:,g} a second"
            ),
            chart("Latency of calls", took, times, now=last.at, scale=duration),
            class_="charts",
        )
        return section("Throughput and latency", told, pictures, live="flow")


def _health(found: Sequence[WaitReason]) -> Html:
    """What holds jobs up."""
    if not found:
        return section("Health", tag("p", "Nothing holds jobs up.", class_="well"), live="health")
    said = [waits(each.code, each.message) for each in found]
    return section("Health", tag("ul", *said, class_="waits"), live="health")


async def _lanes(visit: Visit) -> Html:
    read = await visit.client.operations.lanes.read()
    rows = []
    for lane, each in read.items():
        jobs = each.jobs
        link = tag("a", lane.value, href=visit.to("jobs", lane=lane.value, state="unfinished"))
        numbers = (jobs["queued"], jobs["running"], jobs["scheduled"], jobs["held"])
        oldest = duration(each.oldest_seconds) if each.oldest_seconds else NONE
        workers = count(each.workers) if each.workers else badge("no worker")
        rows.append((link, *map(count, numbers), oldest, workers))
    dead = await visit.client.operations.dead.count()
    letters = None
    if dead:
        said = f"{count(dead)} dead letter{'' if dead == 1 else 's'}"
        link = tag("a", said, href=visit.to("dead"))
        letters = tag("p", badge("failed"), " ", link, " can be looked at, and replayed.")
    lanes = table("Lanes", _LANE_HEADS, rows, empty="There are no lanes.", numbers=_LANE_HEADS[1:])
    return section("Lanes", lanes, letters, live="lanes")


async def _batches(visit: Visit) -> Html:
    found = [each async for each in visit.client.batches(limit=_BATCHES)]
    return section("Newest batches", batches_table(visit, found), live="batches")


async def _workers(visit: Visit) -> Html:
    workers = await visit.client.operations.presence.workers()
    shown = [each for each in workers if each.serves][:MOST_WORKERS]
    gone = len(workers) - len([each for each in workers if each.serves])
    rows = [
        (tag("code", each.name), each.lane, each.version or NONE, ago(each.silent_seconds))
        for each in shown
    ]
    listed = table("Workers", ("Worker", "Lane", "Version", "Last heard"), rows, empty="No worker.")
    ended = tag("p", f"{count(gone)} more ended within a day.", class_="quiet") if gone else None
    return section("Workers", listed, ended, live="workers")


async def _of_tenant(visit: Visit) -> Html:
    name = visit.who.tenant or ""
    # A tenant's own client has no part for this: it is for operators.
    tenants = visit.parts.client.tenants
    limits = Tenant(name=name)
    with suppress(TenantNotFound):
        limits = await tenants.get(name)
    use = await tenants.use(name)
    told = figures(
        {
            "Not ended": count(use.queued),
            "Running": count(use.running),
            "Accepted today": count(use.jobs_today),
        }
    )
    bounds = facts(
        {
            "Requests a minute": _limit(limits.requests),
            "Tokens a minute": _limit(limits.tokens),
            "Running at once": _limit(limits.in_flight),
            "Not ended at most": _limit(limits.queued),
            "Jobs a day": _limit(limits.jobs_a_day),
        }
    )
    return joined(section("Use", told, bounds, live="use"), await _batches(visit))


def _limit(most: int | None) -> str:
    return "no limit" if most is None else count(most)
