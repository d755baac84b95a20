"""A TCP proxy on loopback that can cut its connections, or swallow what they carry."""

import asyncio
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Self

CHUNK = 65_536
TIMEOUT_S = 30.0


class Proxy:
    """Forwards a free port to another between `with` and its end.

    Args:
        target: port on loopback to forward to.
        bytes_a_second: how fast answers are passed on, on all connections together; None for no
            limit.
        tls: the context for TLS with clients; None for plain connections.
    """

    def __init__(
        self,
        target: int,
        *,
        bytes_a_second: float | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._tls = tls
        self._link = _Link(bytes_a_second)
        self._target = target
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy")
        self._pairs: set[_Pair] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._swallow_newcomers = False
        self._loss: _Loss | None = None
        self._server: asyncio.Server
        self.port = 0

    @property
    def url(self) -> str:
        """The address of a Redis behind the proxy."""
        return f"redis://127.0.0.1:{self.port}/0"

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._open(), self._loop).result(TIMEOUT_S)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(TIMEOUT_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(TIMEOUT_S)
        self._loop.close()

    def cut(self) -> None:
        """Close all connections."""
        self._carry_out(self._cut)

    def swallow(self, *, newcomers: bool = False) -> None:
        """From now on carry nothing on existing connections, and never close them.

        Args:
            newcomers: whether to do the same with new connections.
        """
        self._carry_out(partial(self._swallow, newcomers))

    def carry(self) -> None:
        """Serve new connections again; silent ones stay silent."""
        self._carry_out(self._carry)

    def lose_answer(self, marker: bytes, then: Callable[[], object]) -> None:
        """Cut the connection of the next request that contains `marker` when its answer comes.

        Args:
            marker: a part of the request.
            then: called before the cut; by then the request has been carried out.
        """
        self._loss = _Loss(marker, then)

    def _loss_for(self, request: bytes) -> "_Loss | None":
        loss = self._loss
        if loss is None or loss.marker not in request:
            return None
        self._loss = None
        return loss

    def lead_to(self, target: int) -> None:
        """Forward new connections to another port; existing ones stay as they are."""
        self._target = target

    def _carry_out(self, change: Callable[[], None]) -> None:
        """Make a change on the proxy's loop, and wait for it."""

        async def changed() -> None:
            change()

        asyncio.run_coroutine_threadsafe(changed(), self._loop).result(TIMEOUT_S)

    async def _open(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        pair = _Pair(writer, self._loss_for, self._link, swallowing=self._swallow_newcomers)
        self._pairs.add(pair)
        try:
            with suppress(OSError, asyncio.CancelledError):
                await pair.run(reader, self._target)
        finally:
            pair.close()
            self._pairs.discard(pair)
            self._tasks.discard(task)

    def _cut(self) -> None:
        for pair in self._pairs:
            pair.close()

    def _swallow(self, newcomers: bool) -> None:  # noqa: FBT001  one caller, which passes it on
        self._swallow_newcomers = newcomers
        for pair in self._pairs:
            pair.swallowing = True

    def _carry(self) -> None:
        self._swallow_newcomers = False


@dataclass(frozen=True, slots=True)
class _Loss:
    marker: bytes
    then: Callable[[], object]


class _Link:
    """The bandwidth that all connections share."""

    def __init__(self, bytes_a_second: float | None) -> None:
        self._bytes_a_second = bytes_a_second
        self._free_at = 0.0

    async def carry(self, size: int) -> None:
        """Wait as long as `size` bytes take, after the bytes that came before."""
        if self._bytes_a_second is None:
            return
        now = asyncio.get_running_loop().time()
        self._free_at = max(now, self._free_at) + size / self._bytes_a_second
        await asyncio.sleep(self._free_at - now)


class _Pair:
    """A connection from a client, and the one to the server that answers it."""

    def __init__(
        self,
        client: asyncio.StreamWriter,
        loss_for: Callable[[bytes], _Loss | None],
        link: _Link,
        *,
        swallowing: bool,
    ) -> None:
        self._writers = [client]
        self._loss_for = loss_for
        self._link = link
        self._loss: _Loss | None = None
        self.swallowing = swallowing

    async def run(self, from_client: asyncio.StreamReader, target: int) -> None:
        """Carry bytes both ways until one side is closed."""
        from_server, to_server = await asyncio.open_connection("127.0.0.1", target)
        self._writers.append(to_server)
        both = [
            asyncio.create_task(self._ask(from_client, to_server)),
            asyncio.create_task(self._answer(from_server, self._writers[0])),
        ]
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            if self.swallowing:
                # One side closed. The other must not notice it: no FIN passes a black hole.
                await asyncio.Event().wait()
        finally:
            for task in both:
                task.cancel()
            await asyncio.gather(*both, return_exceptions=True)

    def close(self) -> None:
        """Close both connections at once."""
        for writer in self._writers:
            writer.transport.abort()

    async def _ask(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(CHUNK):
            # Read and dropped: the sender sees no error, as with a router that lost the connection.
            if not self.swallowing:
                self._loss = self._loss or self._loss_for(data)
                writer.write(data)
                await writer.drain()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(CHUNK):
            if self._loss:
                await asyncio.to_thread(self._loss.then)
                return
            await self._link.carry(len(data))
            if not self.swallowing:
                writer.write(data)
                await writer.drain()
