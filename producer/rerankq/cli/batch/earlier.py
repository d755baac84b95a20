"""What earlier runs of a checkpoint have submitted, and where the input goes on."""

from dataclasses import dataclass

from rerankq.cli.batch.checkpoint import Checkpoint
from rerankq.cli.failures import CommandError
from rerankq.client import AsyncBatch, AsyncRerankClient
from rerankq.errors import BatchNotFound


@dataclass(frozen=True, slots=True)
class Earlier:
    """The batches of earlier runs.

    Attributes:
        batches: in the order of the input; all are sealed.
        entries: how many entries of the input they have.
        whole: whether the input was submitted to its end.
    """

    batches: tuple[AsyncBatch, ...] = ()
    entries: int = 0
    whole: bool = False


async def earlier_of(client: AsyncRerankClient, checkpoint: Checkpoint | None) -> Earlier:
    """Look at the batches of a checkpoint, and seal the one that a killed run left open.

    Raises:
        CommandError: Redis does not have them, or not their rankings.
        LedgerUnavailable: Redis did not answer.
    """
    if not checkpoint or not checkpoint.batches:
        return Earlier()
    batches = tuple(map(client.batch, checkpoint.batches))
    entries = 0
    try:
        for batch in batches:
            if not (await batch.progress()).sealed:
                await batch.abandon()
            if await batch.is_past_retention():
                raise _gone(checkpoint)
            # Nothing is added to a sealed batch: now the number stays.
            entries += (await batch.progress()).total
    except BatchNotFound:
        raise _gone(checkpoint) from None
    return Earlier(batches, entries, await batches[-1].cut_at() is None)


def _gone(checkpoint: Checkpoint) -> CommandError:
    return CommandError(
        f"the jobs of the checkpoint {checkpoint.name} are not in this Redis, or not their "
        "rankings any more (RERANKQ_BATCH_TTL): correct RERANKQ_REDIS_URL, or name another "
        "checkpoint to run all of it anew"
    )
