"""`rerankq batch retry`."""

from typing import Annotated

import orjson
import typer

from rerankq.cli import options
from rerankq.cli.asking import act
from rerankq.cli.failures import ExitCode
from rerankq.cli.terminal import put, put_json, tell
from rerankq.client import AsyncBatch, AsyncRerankClient
from rerankq.client.batches import Resubmission


def retry(
    *,
    batch: options.BatchId,
    reason: Annotated[
        list[str] | None,
        typer.Option(metavar="CODE", help="Only jobs that failed for this; may be repeated."),
    ] = None,
    json: options.AsJson = False,
) -> None:
    """Submit the failed jobs of a batch again, as a new batch, and print its id.

    The rankings and errors of the old batch stay as they are. Jobs that were cancelled or have
    expired are not submitted again. A command that is repeated, or was broken off, submits no job
    twice. The codes are those that `rerankq batch status` shows.

    Exit code: 0 all were submitted again, now or earlier, or none had failed; 1 the requests of
    some are gone, or the batch was not found; 2 bad set-up.
    """

    async def question(client: AsyncRerankClient) -> Resubmission[AsyncBatch]:
        return await client.batch(batch).resubmit_failed(reasons=reason or ())

    done = act("batch.retry", batch, question)
    new = None if done.batch is None else done.batch.id
    if json:
        told = {"batch_id": batch, "retry": new, "submitted": done.submitted}
        put_json(orjson.dumps(told | {"missing": done.missing}))
    elif new is not None:
        put(new)
        if not done.submitted:
            tell("rerankq: these jobs were submitted again before")
    elif not done.missing:
        tell("rerankq: no job has failed" + (" for that" if reason else ""))
    if done.missing:
        some = f"{len(done.missing)} failed job{'' if len(done.missing) == 1 else 's'}"
        tell(
            f"rerankq: the requests of {some} are gone (RERANKQ_DEAD_TTL, `rerankq dead purge` or "
            f"`replay`), such as {done.missing[0]}"
        )
        raise typer.Exit(ExitCode.NO_RANKING)
