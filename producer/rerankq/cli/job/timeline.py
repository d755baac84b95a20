"""`rerankq jobs show`."""

from typing import Final

from rerankq.cli import options
from rerankq.cli.asking import ask
from rerankq.cli.batch.pace import shown_duration
from rerankq.cli.tables import Column, show_table
from rerankq.cli.terminal import put, put_json
from rerankq.cli.times import local_time
from rerankq.contract import JobStep, JobSummary, JobTimeline
from rerankq.contract.history import StepKind

_WORDS: Final[dict[StepKind, str]] = {
    "may_run": "may run from then on",
    "attempt_failed": "attempt failed",
    "waited": "no attempt was made or counted",
    "next_attempt": "next attempt",
}


def show(*, job_id: options.JobId, json: options.AsJson = False) -> None:
    """Show what happened to a job, and why it waits.

    Also of a job that only the history knows any more.

    Exit code: 0 it was found, in any state; 1 it was not found; 2 bad set-up.
    """
    found = ask(lambda client: client.timeline(job_id))
    if json:
        put_json(found.encode())
        return
    show_table((Column(style="dim"), Column()), list(_facts(found).items()), head=False)
    put("")
    show_table(_STEPS, [_step(each, found.job) for each in found.steps])


_STEPS: Final = (Column("time", whole=True), Column("after", right=True), Column("what"))


def _facts(found: JobTimeline) -> dict[str, str]:
    job, call = found.job, found.job.call
    facts = {
        "job": job.id,
        "state": _state(found),
        "lane": job.lane.value,
        "model": job.model,
        "attempts": str(job.attempts),
        "calls without a ranking": str(job.retries or ""),
        "custom id": job.custom_id or "",
        "batch": job.batch_id or "",
        "tenant": job.tenant or "",
        "metadata": ", ".join(f"{key}={value}" for key, value in job.metadata.items()),
        "call": f"{call.seconds:.3g} s, {call.tokens:,} tokens" if call and call.seconds else "",
        "waits for": "; ".join(each.message for each in found.waits),
        "call expected": _expected(found.expected_at),
        "kept": _kept(found) if job.state.ended else "",
    }
    return {name: value for name, value in facts.items() if value}


def _state(found: JobTimeline) -> str:
    reason = f" ({found.job.reason})" if found.job.reason else ""
    return ("held" if found.job.held else found.job.state.value) + reason


def _expected(at: float | None) -> str:
    return "" if at is None else f"about {local_time(at, 'seconds')}"


def _kept(found: JobTimeline) -> str:
    if found.has_dead_letter:
        return f"with its request: rerankq dead show {found.job.id}"
    if found.has_result:
        return f"its result: rerankq result {found.job.id}"
    return "only in the history" if found.is_forgotten else "not its result"


def _step(step: JobStep, job: JobSummary) -> tuple[str, str, str]:
    told = [
        _WORDS.get(step.what, step.what),
        f"({step.reason})" if step.reason else "",
        f"HTTP {step.status}" if step.status else "",
        f"request {step.request_id}" if step.request_id else "",
        step.message,
    ]
    time = "" if step.at is None else local_time(step.at, "milliseconds", offset=False)
    since = "" if step.at is None else shown_duration(max(0.0, step.at - job.submitted_at))
    return time, since, " ".join(filter(None, told))
