"""Waiting for what is published."""

from collections.abc import Iterable

from redis.asyncio.client import PubSub

from rerankq.ledger.refusals import mapped


class Subscription:
    """Waits for messages on channels that come and go."""

    def __init__(self, pubsub: PubSub, address: str) -> None:
        self._pubsub = pubsub
        self._address = address

    async def listen(self, channels: Iterable[str]) -> None:
        """Subscribe to more channels.

        Raises:
            LedgerUnavailable: Redis cannot be reached, or refuses.
        """
        with mapped(self._address):
            await self._pubsub.subscribe(*channels)

    async def message(self, seconds: float) -> tuple[str, bytes] | None:
        """The next message as (channel, data); None when none came in time, or a mere receipt.

        Raises:
            LedgerUnavailable: the connection is lost.
        """
        with mapped(self._address):
            message = await self._pubsub.get_message(timeout=seconds)
        return None if message is None else (message["channel"].decode(), message["data"])

    async def rest(self) -> None:
        """Subscribe to nothing, keeping the connection.

        Raises:
            LedgerUnavailable: the connection is lost.
        """
        with mapped(self._address):
            await self._pubsub.unsubscribe()

    async def close(self) -> None:
        """Give the connection back."""
        await self._pubsub.aclose()  # type: ignore[no-untyped-call]
