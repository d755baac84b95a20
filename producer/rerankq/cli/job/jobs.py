"""`rerankq status`, `rerankq result` and `rerankq cancel`: commands for one job."""

from contextlib import suppress
from typing import Final

import orjson
import typer

from rerankq.cli import options
from rerankq.cli.asking import act, ask
from rerankq.cli.batch.pace import shown_duration
from rerankq.cli.failures import ExitCode, exit_code
from rerankq.cli.job.ranking import show_ranking
from rerankq.cli.rows.rows import job_row
from rerankq.cli.tables import Column, show_table
from rerankq.cli.terminal import put, put_json, tell
from rerankq.cli.times import local_time
from rerankq.client import AsyncJobHandle, AsyncRerankClient
from rerankq.contract import JobError, JobState, JobStatus, RerankResult
from rerankq.contract.status import where_it_is_kept
from rerankq.errors import JobEnded, JobNotFound, ResultTimeout

_RENAMED: Final = ("id", "state")
"""Fields of a `JobStatus` that have the names of an output line in JSON."""


def status(*, job_id: options.JobId, json: options.AsJson = False) -> None:
    """Show the status of a job.

    Exit code: 0 it was found, in any state; 1 it was not found; 2 bad set-up.
    """

    async def question(client: AsyncRerankClient) -> tuple[JobStatus, list[str]]:
        found = await _without_old_advice(client, await client.status(job_id))
        return found, [each.message for each in await client.why(job_id)]

    found, waits_for = ask(question)
    if json:
        # Named as in an output line of `rerankq run`.
        names = {"job_id": found.id, "status": found.state}
        told = names | orjson.loads(found.encode()) | {"waits_for": waits_for}
        put_json(orjson.dumps({name: each for name, each in told.items() if name not in _RENAMED}))
        return
    rows = list(_shown(found).items())
    if waits_for:
        rows.append(("waits for", "; ".join(waits_for)))
    show_table((Column(style="dim"), Column()), rows, head=False)


def result(
    *, job_id: options.JobId, timeout: options.Timeout = None, json: options.AsJson = False
) -> None:
    """Print a job's ranking, waiting for it.

    With --json, one object like an output line of `rerankq run`.

    Exit code: 0 the ranking was printed; 1 the job has none, is not known, or has not ended in
    time; 2 bad set-up.
    """

    async def known_and_ended(client: AsyncRerankClient) -> Ended:
        return await ended(client, await client.get(job_id), timeout)

    found, end = ask(known_and_ended)
    show_end(job_id, found, end, json=json)


def cancel(*, job_id: options.JobId, json: options.AsJson = False) -> None:
    """Cancel a job that has not ended.

    The call of a job that is running may still be billed; its ranking is not kept.

    Exit code: 0 it is cancelled, now or earlier; 1 it had ended in another way, or is not known;
    2 bad set-up.
    """
    before = act("job.cancel", job_id, lambda client: client.cancel(job_id))
    after = before if before.ended else JobState.CANCELLED
    if json:
        put_json(orjson.dumps({"job_id": job_id, "was": before, "status": after}))
    elif before is JobState.CANCELLED:
        # Perhaps by this call, if the answer to its first try was lost.
        put("cancelled; it was cancelled already")
    elif before.ended:
        tell(f"rerankq: the job had ended before: it {before}")
    else:
        put(f"cancelled; it was {before}")
    if after is not JobState.CANCELLED:
        raise typer.Exit(ExitCode.NO_RANKING)


Ended = tuple[JobStatus | None, RerankResult | JobEnded]
"""A job's status, None when its record is past its retention by now, and its end."""


async def ended(
    client: AsyncRerankClient,
    handle: AsyncJobHandle,
    timeout: float | None,  # noqa: ASYNC109  passed on
) -> Ended:
    """Wait for the job's end.

    Raises:
        JobNotFound, ResultExpired, ResultTimeout, LedgerUnavailable: its end cannot be read.
    """
    end: RerankResult | JobEnded
    try:
        end = await handle.result(timeout)
    except JobEnded as error:
        end = error
    except ResultTimeout as error:
        reason = (await handle.status()).last_error
        why = f"; {reason.message}" if reason else ""
        kept = shown_duration(client.settings.result_ttl)
        raise ResultTimeout(
            f"{error}{why}; its ranking is kept for {kept} after its end (RERANKQ_RESULT_TTL)"
        ) from None
    with suppress(JobNotFound):
        return await handle.status(), end
    return None, end


def show_end(
    job_id: str, found: JobStatus | None, end: RerankResult | JobEnded, *, json: bool
) -> None:
    """Print a job's end and set the exit code for it.

    Raises:
        JobEnded: it has no ranking, and the output is for people.
    """
    if json:
        custom_id, state = (found.custom_id, found.state) if found else (None, None)
        put_json(job_row(job_id, custom_id, state, found.attempts if found else 0, end))
    elif isinstance(end, RerankResult):
        show_ranking(end)
    else:
        raise end
    if isinstance(end, JobEnded):
        raise typer.Exit(exit_code(end))


async def _without_old_advice(client: AsyncRerankClient, found: JobStatus) -> JobStatus:
    """The same, without the advice to look at a dead letter that is there no more."""
    advice = where_it_is_kept(found.id)
    # A tenant has no dead letters to look at.
    if client.tenant or found.error is None or not found.error.message.endswith(advice):
        return found
    try:
        await client.operations.dead.named([found.id])
    except JobNotFound:
        message = found.error.message.removesuffix(advice)
        return found.model_copy(
            update={"error": found.error.model_copy(update={"message": message})}
        )
    return found


def _shown(found: JobStatus) -> dict[str, str]:
    shown = {
        "job": found.id,
        "state": found.state.value,
        "lane": found.lane.value,
        "attempts": str(found.attempts),
        "submitted": _time(found.submitted_at),
        "first started": _time(found.started_at),
        "finished": _time(found.finished_at),
        "next attempt": _time(found.next_attempt_at),
        "deadline": _time(found.deadline_at),
        "custom id": found.custom_id or "",
        "batch": found.batch_id or "",
        "error": _error(found.error),
        "last error": _error(found.last_error),
    }
    return {name: value for name, value in shown.items() if value}


def _error(error: JobError | None) -> str:
    return f"{error.message} ({error.code})" if error else ""


def _time(seconds: float | None) -> str:
    return "" if seconds is None else local_time(seconds, "milliseconds")
