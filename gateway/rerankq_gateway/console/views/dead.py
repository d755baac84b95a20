"""Dead letters: by reason, replayed a few first, and purged."""

from rerankq.client.replaying import FIRST_STEP, STEPS, Replayed
from rerankq.contract import Scope
from rerankq_gateway.console.answers import Answer, Moved, Page
from rerankq_gateway.console.elements import facts, problem, prose, section, table
from rerankq_gateway.console.markup import Html, Node, joined, tag
from rerankq_gateway.console.visit import Visit
from rerankq_gateway.console.words import NONE, count, moment, short

SHOWN = 50
MOST_REPLAYED = 500
"""Letters that one press of a button replays: the page says how many are left."""
_LINKED = 20
_AGAIN = "The others are kept: press the button again to go on."


async def listed(visit: Visit) -> Answer:
    """How many for each reason, and the newest."""
    return await _page(visit)


async def _page(visit: Visit, said: Html | None = None) -> Page:
    operations = visit.client.operations
    reason = visit.asked("reason")
    total, reasons = await operations.dead.count(), await operations.dead.by_reason()
    letters = await operations.dead.newest(reason, most=SHOWN)
    rows = [
        (
            tag("a", each, href=visit.to("dead", reason=each)),
            count(number),
            tag("div", *_acts(visit, each, number, at), class_="acts")
            if visit.may(Scope.OPERATE)
            else NONE,
        )
        for at, (each, number) in enumerate(reasons.items())
    ]
    counted = sum(reasons.values())
    of = f"Of the newest {count(counted)} of {count(total)}." if counted < total else None
    by_reason = table(
        "By reason",
        ("Reason", "Letters", "Acts"),
        rows,
        empty="No dead letters.",
        numbers=("Letters",),
    )
    newest = table(
        "Newest",
        ("Job", "Reason", "Failed", "Attempts", "Model", "Custom id", "Message"),
        [
            (
                tag("a", short(each.id), href=visit.to("dead", each.id)),
                *(each.reason, moment(each.failed_at), str(each.attempts)),
                *(each.model or NONE, each.custom_id or NONE, _message(each.message)),
            )
            for each in letters
        ],
        empty="None.",
        numbers=("Attempts",),
    )
    everything = None
    if reason:
        everything = tag("p", tag("a", "All reasons", href=visit.to("dead")))
    title = f"Newest, {reason}" if reason else "Newest"
    if not total and said is None:
        none = "There are none. The jobs that fail for good are kept here with their requests."
        return Page("Dead letters", section("None", tag("p", none), alone=True), "dead")
    content = joined(
        said,
        section("By reason", by_reason, tag("p", of, class_="quiet") if of else None),
        section(title, newest, everything),
    )
    return Page("Dead letters", content, "dead")


def _message(said: str | None) -> Node:
    return tag("span", prose(said), class_="cut") if said else NONE


def _acts(visit: Visit, reason: str, number: int, at: int) -> list[Node]:
    tenth = STEPS["tenth"](number)
    acts: list[Node] = [
        visit.act(
            f"Replay {min(FIRST_STEP, number)}", "dead", "replay", reason=reason, step="first"
        )
    ]
    if tenth > FIRST_STEP:
        acts.append(
            visit.act(
                f"Replay 10 % ({count(tenth)})", "dead", "replay", reason=reason, step="tenth"
            )
        )
    asked = f"Submit all {count(number)} again? A few first show whether they succeed now."
    acts.append(
        visit.confirmed(
            "Replay all",
            asked,
            f"ask-replay-{at}",
            *("dead", "replay"),
            kind="main",
            reason=reason,
            step="all",
        )
    )
    asked = f"Delete {count(number)} dead letters with their requests? Nobody can replay them then."
    acts.append(visit.confirmed("Purge", asked, f"ask-purge-{at}", "dead", "purge", reason=reason))
    return acts


async def one(visit: Visit) -> Answer:
    """One dead letter, without the texts of its request and the upstream's words."""
    job_id = visit.names["job"]
    letter = await visit.client.operations.dead.get(job_id)
    told = letter.model_dump(exclude_none=True, exclude={"upstream_said", "id"})
    shown = {name.replace("_", " ").capitalize(): str(value) for name, value in told.items()}
    shown["Failed at"] = moment(letter.failed_at)
    if letter.message:
        shown["Message"] = prose(letter.message)
    acts: list[Node] = [tag("a", "Its timeline", href=visit.to("jobs", job_id), class_="button")]
    if visit.may(Scope.OPERATE):
        acts.append(visit.act("Replay", "dead", "replay", job=job_id))
    content = joined(
        tag("div", *acts, class_="acts"),
        section("Letter", facts(shown, wide=("Message",)), alone=True),
    )
    return Page(f"Dead letter {job_id}", content, "dead")


async def replay(visit: Visit) -> Answer:
    """Submit some again, and tell what they became."""
    replaying = visit.client.operations.replaying
    job_id, reason, step = visit.given("job"), visit.given("reason"), visit.given("step")
    if job_id:
        named = await visit.client.operations.dead.named([job_id])
        async with visit.parts.audited(visit.who, "dead.replay", job_id):
            done = await replaying.replay_named(named, most=1)
    else:
        async with visit.parts.audited(visit.who, "dead.replay", f"reason={reason} {step}"):
            done = await replaying.replay(reason, step, most=MOST_REPLAYED)
    return await _page(visit, _told(visit, done))


def _told(visit: Visit, done: Replayed) -> Html:
    links = [
        tag("li", tag("a", short(new), href=visit.to("jobs", new)))
        for _, new in done.jobs[:_LINKED]
    ]
    said = f"{count(len(done.jobs))} submitted again, as new jobs. See how they fare:"
    lines: list[Node] = [tag("p", said, class_="well", role="status")]
    lines.append(tag("ul", *links, class_="links"))
    if done.unreadable:
        lost = f"{count(len(done.unreadable))} cannot be replayed: their requests are gone."
        lines.append(problem(lost))
    if done.refusal:
        lines.append(problem(str(done.refusal)))
    if done.left:
        lines.append(tag("p", f"{count(done.left)} of this step are left. {_AGAIN}"))
    return tag("div", *lines, class_="card")


async def purge(visit: Visit) -> Answer:
    """Delete all of a reason."""
    reason = visit.given("reason")
    async with visit.parts.audited(visit.who, "dead.purge", f"reason={reason}"):
        await visit.client.operations.replaying.purge(reason)
    return Moved(visit.to("dead", done="purged"))
