"""What holds up jobs of any kind, for the user of a run: each obstacle is told once."""

from rerankq.client import AsyncRerankClient

Obstacle = tuple[str, str | None]
"""The code of a reason, and the account, key or model in question."""


async def obstacles(client: AsyncRerankClient) -> dict[Obstacle, str]:
    """A sentence for each account, key and model that is out of use for more than a moment.

    Raises:
        LedgerUnavailable: Redis did not answer.
    """
    return {
        (reason.code, reason.account): reason.message
        for reason in await client.why()
        # An account that is throttled without a time named is probed, and soon open again.
        if reason.code != "throttled" or reason.until is not None
    }
