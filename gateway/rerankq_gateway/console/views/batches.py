"""Batches: the list, one with its progress, and what can be done with it."""

from collections.abc import Sequence

from rerankq.contract import BatchState, BatchStatus
from rerankq_gateway.access.principal import ACTING
from rerankq_gateway.batches.cancelling import Cancelling
from rerankq_gateway.batches.ours import contents_of, failures_of
from rerankq_gateway.console.answers import Answer, Download, Moved, Page
from rerankq_gateway.console.elements import badge, facts, section, share, shares, table, waits
from rerankq_gateway.console.markup import Html, Node, joined, tag
from rerankq_gateway.console.visit import Visit
from rerankq_gateway.console.words import NONE, count, duration, moment, short

PAGE = 50
_LIVE = ("queued", "running", "scheduled", "held")
_ENDS = ("succeeded", "failed", "cancelled", "expired")
_NUMBERS = ("Jobs", "Failed", "A second", "Left")
_LONG_ID = 28
_CANCELLING = Cancelling()


async def listed(visit: Visit) -> Answer:
    """The batches, the newest first."""
    found = [e async for e in visit.client.batches(after=visit.asked("after"), limit=PAGE)]
    more = None
    if len(found) == PAGE:
        further = visit.to("batches", after=found[-1].id)
        more = tag("p", tag("a", "Older batches", href=further, rel="next"))
    content = section("All batches", batches_table(visit, found), more, live="batches", alone=True)
    return Page("Batches", content, "batches")


def batches_table(visit: Visit, found: Sequence[BatchStatus]) -> Html:
    """A table of batches."""
    rows = [_row(visit, each) for each in found]
    heads = ("Batch", "State", "Ended", *_NUMBERS, "Opened")
    return table("Batches", heads, rows, empty="There are no batches.", numbers=_NUMBERS)


def _row(visit: Visit, batch: BatchStatus) -> tuple[Node, ...]:
    total = max(batch.total, batch.expected or 0)
    rate = NONE if batch.rate is None else f"{batch.rate:,.1f}"
    failed = tag("span", count(batch.failed), class_="wrong") if batch.failed else count(0)
    return (
        tag("a", short(batch.id, _LONG_ID), href=visit.to("batches", batch.id)),
        *(badge(batch.state.value), share(batch.ended, total), count(total), failed),
        *(rate, duration(batch.seconds_left), moment(batch.created_at)),
    )


async def one(visit: Visit) -> Answer:
    """One batch."""
    batch_id = visit.names["batch"]
    batch = await visit.client.batch(batch_id).status(why=True)
    counts = {name: int(getattr(batch, name)) for name in (*_ENDS, *_LIVE)}
    held_by = [waits(each.code, each.message) for each in batch.waits]
    reasons = [
        (tag("a", reason, href=visit.to("jobs", batch_id=batch_id, reason=reason)), count(number))
        for reason, number in sorted(batch.reasons.items(), key=lambda each: -each[1])
    ]
    failed = table(
        "Failures by reason",
        ("Reason", "Jobs"),
        reasons,
        empty="No job has failed.",
        numbers=("Jobs",),
    )
    content = joined(
        tag("div", *_acts(visit, batch), class_="acts"),
        section(
            "Progress",
            shares(counts),
            tag("ul", *held_by, class_="waits") if held_by else None,
            facts(_facts(visit, batch)),
            live="progress",
        ),
        section("Failures", failed, live="failures"),
    )
    return Page(f"Batch {batch_id}", content, "batches")


def _facts(visit: Visit, batch: BatchStatus) -> dict[str, Node]:
    def link(other: str | None) -> Html | None:
        return tag("a", other, href=visit.to("batches", other)) if other else None

    noted = [tag("li", tag("b", key), f": {value}") for key, value in batch.metadata.items()]
    left = duration(batch.seconds_left) if batch.seconds_left is not None else None
    return {
        "State": badge(batch.state.value),
        "Jobs": count(batch.total) + ("" if batch.sealed else ", more may be added"),
        "Expected": None if batch.expected is None else count(batch.expected),
        "Lines that were no jobs": count(batch.rejected) if batch.rejected else None,
        "Jobs a second": None if batch.rate is None else f"{batch.rate:,.1f}",
        "Time left": left,
        "Tokens": count(batch.tokens) if batch.tokens else None,
        "Opened": moment(batch.created_at),
        "Deadline": moment(batch.deadline_at),
        "Ended": moment(batch.ended_at),
        "Kept until": moment(batch.kept_until),
        "Tenant": batch.tenant,
        "Metadata": tag("ul", *noted) if noted else None,
        "Repeats": link(batch.retry_of),
        "Repeated by": link(batch.retried_by),
    }


def _acts(visit: Visit, batch: BatchStatus) -> list[Node]:
    at = ("batches", batch.id)
    acts: list[Node] = [
        tag("a", "Its jobs", href=visit.to("jobs", batch_id=batch.id), class_="button"),
        tag("a", "Results (JSONL)", href=visit.to(*at, "results"), download=True, class_="button"),
        tag(
            "a", "Failures (JSONL)", href=visit.to(*at, "failures"), download=True, class_="button"
        ),
    ]
    if not visit.may(*ACTING):
        return acts
    if batch.state in {BatchState.OPEN, BatchState.RUNNING}:
        acts.append(visit.act("Pause", *at, "pause"))
    if batch.state is BatchState.PAUSED:
        acts.append(visit.act("Resume", *at, "resume", kind="main"))
    if not batch.state.ended and batch.state is not BatchState.CANCELLING:
        live = sum(int(getattr(batch, name)) for name in _LIVE)
        asked = f"Cancel {count(live)} jobs that have not ended?"
        acts.append(visit.confirmed("Cancel", asked, "ask-cancel", *at, "cancel"))
    if batch.state.ended and batch.failed:
        asked = f"Submit {count(batch.failed)} failed jobs again, as a new batch?"
        acts.append(visit.confirmed("Retry", asked, "ask-retry", *at, "retry", kind="main"))
    return acts


async def results(visit: Visit) -> Answer:
    """All results, as a file."""
    batch = visit.client.batch(visit.names["batch"])
    status = await batch.status()
    return Download(f"{status.id}.results.jsonl", contents_of(batch, 0, wait=False))


async def failures(visit: Visit) -> Answer:
    """The failed jobs, as a file."""
    batch = visit.client.batch(visit.names["batch"])
    status = await batch.status()
    return Download(f"{status.id}.failures.jsonl", failures_of(batch, 0))


async def pause(visit: Visit) -> Answer:
    """None of its jobs begins; those that run go on."""
    batch_id = visit.names["batch"]
    async with visit.parts.audited(visit.who, "batch.pause", batch_id):
        await visit.client.batch(batch_id).pause()
    return Moved(visit.to("batches", batch_id, done="paused"))


async def resume(visit: Visit) -> Answer:
    """Let it go on."""
    batch_id = visit.names["batch"]
    async with visit.parts.audited(visit.who, "batch.resume", batch_id):
        await visit.client.batch(batch_id).resume()
    return Moved(visit.to("batches", batch_id, done="resumed"))


async def cancel(visit: Visit) -> Answer:
    """Cancel it; a large one goes on ending after this."""
    batch_id = visit.names["batch"]
    async with visit.parts.audited(visit.who, "batch.cancel", batch_id):
        await _CANCELLING.cancel(visit.client.batch(batch_id))
    return Moved(visit.to("batches", batch_id, done="cancelled"))


async def retry(visit: Visit) -> Answer:
    """Submit its failed jobs again."""
    batch_id = visit.names["batch"]
    async with visit.parts.audited(visit.who, "batch.retry", batch_id):
        done = await visit.client.batch(batch_id).resubmit_failed()
    new = batch_id if done.batch is None else done.batch.id
    return Moved(visit.to("batches", new, done="retried"))
