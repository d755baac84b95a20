"""`rerankq batch pause`, `resume` and `cancel`."""

from typing import Annotated

import orjson
import typer

from rerankq.cli import options
from rerankq.cli.asking import act
from rerankq.cli.terminal import put, put_json
from rerankq.client import AsyncRerankClient
from rerankq.contract import BatchState


def pause(*, batch: options.BatchId, json: options.AsJson = False) -> None:
    """Let no more jobs of a batch begin, until it is resumed. Running jobs end.

    Its deadline holds meanwhile, and jobs can be added.

    Exit code: 0 it is paused, now or earlier; 1 it has ended, or was not found; 2 bad set-up.
    """
    was_going = act("batch.pause", batch, lambda client: client.batch(batch).pause())
    if json:
        put_json(orjson.dumps({"batch_id": batch, "paused": True, "was_paused": not was_going}))
    else:
        put("paused" if was_going else "paused; it was paused already")


def resume(*, batch: options.BatchId, json: options.AsJson = False) -> None:
    """Let a paused batch go on.

    Exit code: 0 it goes on, now or already; 1 it was not found; 2 bad set-up.
    """
    released = act("batch.resume", batch, lambda client: client.batch(batch).resume())
    if json:
        put_json(orjson.dumps({"batch_id": batch, "paused": False, "released": released}))
    else:
        put(f"resumed: {_jobs(released)} held")


def cancel(*, batch: options.BatchId, json: options.AsJson = False) -> None:
    """Cancel all jobs of a batch that have not ended; none is added any more.

    The calls of jobs that are running may still be billed; their rankings are not kept.

    Exit code: 0 it is cancelled, or had ended; 1 it was not found; 2 bad set-up.
    """

    async def question(client: AsyncRerankClient) -> tuple[int, BatchState]:
        ended = await client.batch(batch).cancel()
        return ended, (await client.batch(batch).status()).state

    ended, state = act("batch.cancel", batch, question)
    if json:
        put_json(orjson.dumps({"batch_id": batch, "cancelled": ended, "state": state}))
    elif state in {BatchState.CANCELLED, BatchState.CANCELLING}:
        put(f"cancelled: {_jobs(ended)} ended by it")
    else:
        put(f"it had ended before: {state}")


def budget(
    *,
    batch: options.BatchId,
    amount: Annotated[
        str,
        typer.Argument(
            metavar="AMOUNT|none",
            help="Tokens, such as 5000000, or money, such as '12.50 USD'; none lifts it.",
        ),
    ],
    json: options.AsJson = False,
) -> None:
    """Set what the jobs of a batch may cost together. What they have cost so far counts.

    Jobs that wait because the budget was used up go on within a second.

    Exit code: 0 it is set; 1 the batch was not found; 2 no such amount, or bad set-up.
    """
    given = None if amount == "none" else amount

    async def question(client: AsyncRerankClient) -> None:
        await client.batch(batch).set_budget(given)

    act("batch.budget", batch, question, budget=amount)
    if json:
        put_json(orjson.dumps({"batch_id": batch, "budget": given}))
    else:
        put(f"budget: {amount}")


def _jobs(count: int) -> str:
    return "1 job was" if count == 1 else f"{count} jobs were"
