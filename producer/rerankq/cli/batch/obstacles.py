"""What holds up the jobs of a run, for its user: each obstacle is told once."""

from collections.abc import Iterable
from typing import Final

from rerankq.client import AsyncBatch, AsyncRerankClient
from rerankq.contract import WaitReason
from rerankq.contract.batch import WaitCode

Obstacle = tuple[str, str | None]
"""The code of a reason, and the account, key or model in question."""
OF_ITS_OWN: Final[frozenset[WaitCode]] = frozenset({"paused", "not_before"})
"""Why a batch stands still though everything works: the user of a run may have forgotten it."""


async def obstacles(client: AsyncRerankClient) -> dict[Obstacle, str]:
    """A sentence for each account, key and model that is out of use for more than a moment.

    Raises:
        LedgerUnavailable: Redis did not answer.
    """
    # An account that is throttled without a time named is probed, and soon usable again.
    return _sentences(
        each for each in await client.why() if each.code != "throttled" or each.until is not None
    )


async def own_obstacles(batch: AsyncBatch) -> dict[Obstacle, str]:
    """A sentence for each reason of the batch itself why its next jobs do not run.

    Raises:
        BatchNotFound: the batch is gone.
        LedgerUnavailable: Redis did not answer.
    """
    waits = (await batch.status(why=True)).waits
    return _sentences(each for each in waits if each.code in OF_ITS_OWN)


def _sentences(reasons: Iterable[WaitReason]) -> dict[Obstacle, str]:
    return {(each.code, each.account): each.message for each in reasons}
