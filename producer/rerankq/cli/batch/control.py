"""`rerankq batch pause`, `resume` and `cancel`."""

import orjson

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


def _jobs(count: int) -> str:
    return "1 job was" if count == 1 else f"{count} jobs were"
