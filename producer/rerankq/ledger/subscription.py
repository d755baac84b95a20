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

    async def told(self, seconds: float, *, most: int) -> list[str]:
        """The channels of the messages that are there, after a wait for the first of them.

        What the messages hold is left aside: any database of this Redis may have published it.

        Args:
            seconds: how long to wait for the first; there may be none.
            most: how many channels to return at most.

        Raises:
            LedgerUnavailable: the connection is lost.
        """
        channels: list[str] = []
        with mapped(self._address):
            message = await self._pubsub.get_message(timeout=seconds)
            while message is not None:
                channels.append(message["channel"].decode())
                if len(channels) == most:
                    break
                message = await self._pubsub.get_message(timeout=0)
        return channels

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
