"""Listens to published messages: one connection for all that wait."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any, Final

from redis import exceptions

SILENT_SECONDS: Final = 3.0
"""After this much silence a PING is sent; after as much again the connection is dropped."""
AGAIN_SECONDS: Final = 1.0
MOST_AGAIN_SECONDS: Final = 5.0
MOST_AT_ONCE: Final = 500
_WORTH_ASKING: Final = (b"message", b"subscribe")


class Subscription:
    """Subscribes to channels that come and go. Belongs to one event loop.

    A lost connection is made again, with all channels. While there is no channel, no task runs;
    the connection is kept for the next time.

    The content of messages is ignored: clients of any database of this Redis may have sent them.

    Args:
        connect: makes a connection of the redis library, not yet opened.
        told: called with a channel when something was published there, or may have been: also
            once Redis has confirmed the subscription, and when the connection was lost.
    """

    def __init__(self, connect: Callable[[], Any], told: Callable[[str], None]) -> None:
        self._make = connect
        self._told = told
        self._connection: Any = None
        self._channels: set[str] = set()
        self._joining: dict[str, None] = {}
        self._leaving: dict[str, None] = {}
        self._listening: asyncio.Task[None] | None = None
        self._sending: asyncio.Task[None] | None = None
        self.is_up = False

    def join(self, channels: Iterable[str]) -> None:
        """Subscribe to more channels, soon; those that were subscribed to already are told."""
        for channel in channels:
            if channel in self._leaving:
                del self._leaving[channel]
            elif channel not in self._channels:
                self._channels.add(channel)
                self._joining[channel] = None
                continue
            self._channels.add(channel)
            self._told(channel)
        if self._channels and self._listening is None:
            self._listening = asyncio.create_task(self._listen())
        self._send_soon()

    def leave(self, channel: str) -> None:
        """Unsubscribe from a channel, soon."""
        if channel not in self._channels:
            return
        self._channels.discard(channel)
        if channel in self._joining:
            del self._joining[channel]
        else:
            self._leaving[channel] = None
            self._send_soon()

    async def close(self) -> None:
        """Give the connection back."""
        for task in (self._listening, self._sending):
            if task:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        await self._disconnect()

    async def _listen(self) -> None:
        failures = 0
        try:
            while self._channels or self._leaving:
                try:
                    await self._connect()
                    failures = 0
                    await self._hear()
                except (exceptions.RedisError, OSError):
                    was_up = self.is_up
                    await self._disconnect()
                    # Messages may be missed now, so those that wait must ask.
                    for channel in list(self._channels):
                        self._told(channel)
                    if not was_up or failures:
                        failures += 1
                        await asyncio.sleep(min(AGAIN_SECONDS * failures, MOST_AGAIN_SECONDS))
        finally:
            self._listening = None

    async def _connect(self) -> None:
        if self._connection is None:
            self._connection = self._make()
        if not self.is_up:
            await self._connection.connect()
            self._joining, self._leaving = dict.fromkeys(self._channels), {}
            self.is_up = True
        self._send_soon()

    async def _disconnect(self) -> None:
        self.is_up = False
        self._leaving = {}
        if self._connection:
            await self._connection.disconnect(nowait=True)

    async def _hear(self) -> None:
        silent = False
        while self._channels or self._leaving or self._sending:
            answer = await self._connection.read_response(
                timeout=SILENT_SECONDS, disconnect_on_error=False, push_request=True
            )
            if answer is None:
                if silent:
                    raise exceptions.TimeoutError("no sign of life")
                await self._connection.send_command("PING", check_health=False)
            elif isinstance(answer, list) and answer[0] in _WORTH_ASKING:
                self._told(answer[1].decode())
            silent = answer is None

    def _send_soon(self) -> None:
        if self.is_up and self._sending is None and (self._joining or self._leaving):
            self._sending = asyncio.create_task(self._send())

    async def _send(self) -> None:
        try:
            while self.is_up and (self._joining or self._leaving):
                leaving, self._leaving = self._leaving, {}
                joining, self._joining = self._joining, {}
                for command, channels in (("UNSUBSCRIBE", leaving), ("SUBSCRIBE", joining)):
                    for some in _portions(list(channels)):
                        await self._connection.send_command(command, *some, check_health=False)
        except (exceptions.RedisError, OSError):
            # The listening task meets the same error, and connects again.
            return
        finally:
            self._sending = None


def _portions(channels: list[str]) -> Iterable[list[str]]:
    for start in range(0, len(channels), MOST_AT_ONCE):
        yield channels[start : start + MOST_AT_ONCE]
