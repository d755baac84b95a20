"""Jobs: a list with all filters, and what happened to one."""

from collections.abc import Mapping
from typing import Any

from rerankq.client.job_lists import GROUPS, JobSearch
from rerankq.contract import JobState, JobStep, JobSummary, JobTimeline, Lane
from rerankq.errors import InvalidRequest
from rerankq_gateway.access.principal import ACTING
from rerankq_gateway.console.answers import Answer, Moved, Page
from rerankq_gateway.console.elements import (
    badge,
    choice,
    facts,
    field,
    problem,
    prose,
    section,
    table,
    waits,
)
from rerankq_gateway.console.markup import Html, Node, joined, tag
from rerankq_gateway.console.visit import Visit
from rerankq_gateway.console.words import NONE, count, duration, moment, short

_STATES = {"": "any"} | {each: each for each in (*GROUPS, *(each.value for each in JobState))}
_LANES = {"": "any"} | {each.value: each.value for each in Lane}
_TEXTS = {
    "job_id": "Job id",
    "batch_id": "Batch",
    "custom_id": "Custom id",
    "model": "Model",
    "reason": "Reason",
    "metadata": "Metadata (key=value)",
    "since": "Since",
    "until": "Until",
}
_HINTS = {"since": "2026-12-04T00:00Z", "until": "2026-12-05T00:00Z", "metadata": "team=search"}
_SHORTCUTS = (
    None,
    "unfinished",
    "running",
    "queued",
    "scheduled",
    "succeeded",
    "failed",
    "cancelled",
)
_WORDS = {
    "may_run": "may run from then on",
    "attempt_failed": "attempt failed",
    "waited": "waited, without using an attempt",
    "next_attempt": "next attempt",
}


async def listed(visit: Visit) -> Answer:
    """Jobs in every state, by what they were."""
    given = {name: visit.asked(name) for name in (*_TEXTS, "state", "lane", "tenant")}
    form = joined(_states(visit, given), _filters(visit))
    try:
        page = await visit.client.job_page(after=visit.asked("after"), **_wanted(visit))
    except InvalidRequest as fault:
        return Page("Jobs", joined(form, problem(str(fault))), "jobs", 422)
    rows = [_row(visit, each) for each in page.jobs]
    heads = ("Job", "State", "Reason", "Lane", "Custom id", "Model", "Submitted", "Ended")
    empty = "No such job on this page." if page.next else "No such job."
    shown = table("Jobs", heads, rows, empty=empty)
    further = visit.to("jobs", **given, after=page.next)
    more = tag("p", tag("a", "Next page", href=further, rel="next")) if page.next else None
    found = section("Found", shown, more, live="found", alone=True)
    return Page("Jobs", joined(form, found), "jobs")


def _states(visit: Visit, given: Mapping[str, str | None]) -> Html:
    """Links to the same jobs in each state."""
    chosen = visit.asked("state")
    links = []
    for state in _SHORTCUTS:
        words, is_here = state or "all", state == chosen
        at = visit.to("jobs", **{**given, "state": state})
        links.append(tag("li", tag("a", words, href=at, aria_current="true" if is_here else None)))
    return tag("nav", tag("ul", *links), aria_label="States", class_="chips")


def _wanted(visit: Visit) -> JobSearch:
    given: dict[str, Any] = {name: visit.asked(name) for name in (*_TEXTS, "state", "lane")}
    if visit.is_operator:
        given["tenant"] = visit.asked("tenant")
    pair = given.pop("metadata")
    if pair is not None:
        key, separator, value = pair.partition("=")
        if not separator:
            raise InvalidRequest("metadata", "must be a key and a value, as team=search")
        given["metadata"] = {key: value}
    for name in ("since", "until"):
        given[name] = _time(given[name])
    found: JobSearch = {**given}  # type: ignore[typeddict-item]  # the names are those of JobSearch
    return found


def _time(said: str | None) -> Any:
    try:
        return None if said is None else float(said)
    except ValueError:
        return said


def _filters(visit: Visit) -> Html:
    texts = dict(_TEXTS) | ({"tenant": "Tenant"} if visit.is_operator else {})
    fields = [
        choice("State", "state", _STATES, visit.asked("state") or ""),
        choice("Lane", "lane", _LANES, visit.asked("lane") or ""),
        *(
            field(label, name, visit.asked(name) or "", placeholder=_HINTS.get(name, ""))
            for name, label in texts.items()
        ),
    ]
    button = tag("button", "Find", type="submit", class_="main")
    clear = tag("a", "All jobs", href=visit.to("jobs"))
    form = tag(
        "form",
        tag("div", *fields, class_="fields"),
        tag("p", button, " ", clear),
        method="get",
        action=visit.to("jobs"),
        role="search",
        aria_label="Jobs",
    )
    is_used = any(visit.asked(name) for name in (*texts, "state", "lane"))
    return tag("details", tag("summary", "Filters"), form, open=is_used, class_="card")


def _row(visit: Visit, job: JobSummary) -> tuple[Node, ...]:
    link = tag("a", short(job.id), href=visit.to("jobs", job.id))
    state = badge("held" if job.held else job.state.value)
    return (
        *(link, state, job.reason or NONE, job.lane.value),
        *(job.custom_id or NONE, job.model or NONE),
        *(moment(job.submitted_at), moment(job.finished_at)),
    )


async def one(visit: Visit) -> Answer:
    """What happened to a job, and why it waits."""
    job_id = visit.names["job"]
    told = await visit.client.timeline(job_id)
    held_by = None
    if told.waits:
        said = [waits(each.code, each.message) for each in told.waits]
        held_by = joined(tag("h3", "It waits because"), tag("ul", *said, class_="waits"))
    acts = None
    if visit.may(*ACTING) and not told.job.state.ended:
        asked = "Cancel this job? It gets no ranking then."
        acts = visit.confirmed("Cancel the job", asked, "ask-cancel", "jobs", job_id, "cancel")
    content = joined(
        tag("div", acts, class_="acts") if acts else None,
        section("Job", facts(_facts(visit, told)), held_by, live="job", alone=True),
        section("Timeline", _timeline(told), live="timeline"),
    )
    return Page(f"Job {job_id}", content, "jobs")


def _facts(visit: Visit, told: JobTimeline) -> Mapping[str, Node]:
    job, call = told.job, told.job.call
    batch = tag("a", job.batch_id, href=visit.to("batches", job.batch_id)) if job.batch_id else None
    noted = [tag("li", tag("b", key), f": {value}") for key, value in job.metadata.items()]
    letter = None
    if told.has_dead_letter and visit.is_operator:
        letter = tag("a", "look at it, or replay it", href=visit.to("dead", job.id))
    return {
        "State": badge("held" if job.held else job.state.value),
        "Reason": job.reason,
        "Lane": job.lane.value,
        "Model": job.model,
        "Attempts": str(job.attempts),
        "Custom id": job.custom_id,
        "Batch": batch,
        "Tenant": job.tenant,
        "Metadata": tag("ul", *noted) if noted else None,
        "Call": duration(call.seconds) if call and call.seconds is not None else None,
        "Tokens": count(call.tokens) if call and call.tokens else None,
        "Call expected": moment(told.expected_at) if told.expected_at else None,
        "Dead letter": letter,
        "Kept": "only in the history" if told.is_forgotten else None,
    }


def _timeline(told: JobTimeline) -> Html:
    steps = [tag("li", *_step(each), class_=each.what) for each in told.steps]
    return tag("ol", *steps, class_="timeline")


def _step(step: JobStep) -> tuple[Node, ...]:
    said = [
        f"({step.reason})" if step.reason else "",
        f"HTTP {step.status}" if step.status else "",
        f"request {step.request_id}" if step.request_id else "",
    ]
    words = _WORDS.get(step.what, step.what)
    more = " ".join(filter(None, said))
    return (
        moment(step.at, exact=True),
        " ",
        tag("b", words),
        " ",
        tag("span", more),
        " ",
        prose(step.message or ""),
    )


async def cancel(visit: Visit) -> Answer:
    """Cancel a job; an end stays as it is."""
    job_id = visit.names["job"]
    async with visit.parts.audited(visit.who, "job.cancel", job_id):
        was = await visit.client.cancel(job_id)
    done = None if was.ended else "cancelled"
    return Moved(visit.to("jobs", job_id, done=done))
