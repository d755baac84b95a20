"""`rerankq batch status`."""

from rerankq.cli import options
from rerankq.cli.asking import ask
from rerankq.cli.batch.shown import budget_of, counts_of, json_of, pace_of, reasons_of, time_of
from rerankq.cli.tables import Column, show_table
from rerankq.cli.terminal import put_json
from rerankq.contract import BatchState, BatchStatus


def status(*, batch: options.BatchId, json: options.AsJson = False) -> None:
    """Show how a batch stands, and why it waits if it does.

    Exit code: 0 it was found, in any state; 1 it was not found; 2 bad set-up.
    """
    found = ask(lambda client: client.batch(batch).status(why=True))
    if json:
        put_json(json_of(found))
        return
    show_table((Column(style="dim"), Column()), list(_shown(found).items()), head=False)


def _shown(batch: BatchStatus) -> dict[str, str]:
    expected = f" of {batch.expected} expected" if batch.expected and not batch.sealed else ""
    shown = {
        "batch": batch.id,
        "state": batch.state.value,
        "entries": f"{batch.total}{expected}",
        "jobs": counts_of(batch),
        "failed for": reasons_of(batch),
        "bad lines": str(batch.rejected or ""),
        "earlier jobs": str(batch.existing or ""),
        "speed": pace_of(batch),
        "waits": "; ".join(each.message for each in batch.waits),
        "tokens": str(batch.tokens or ""),
        "budget": budget_of(batch.budget),
        "opened": time_of(batch.created_at),
        "paused": time_of(batch.paused_at) if batch.state is BatchState.PAUSED else "",
        "cancelled": time_of(batch.cancelled_at),
        "deadline": time_of(batch.deadline_at),
        "ended": time_of(batch.ended_at),
        "kept until": time_of(batch.kept_until),
        "metadata": ", ".join(f"{name}={value}" for name, value in batch.metadata.items()),
        "repeats": batch.retry_of or "",
        "repeated by": batch.retried_by or "",
    }
    return {name: value for name, value in shown.items() if value}
