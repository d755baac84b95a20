"""What each connection to Redis sends first: the scripts that use payloads or results.

A Redis that was restarted knows no scripts. In a transaction it would store the payloads, and then
miss the script that uses them. If the program ended before its second try, nothing would delete
those payloads.
"""

from typing import Any, Final

from redis import exceptions
from redis.asyncio import ConnectionPool
from redis.asyncio.connection import AbstractConnection

from rerankq.store.connecting import CLOSED_AT_ONCE, NOTHING_SENT, PRIMARY_AWAY
from rerankq.store.primary import Primary
from rerankq.store.script import WITH_BODIES

_BROKEN_OFF: Final = (
    "Error while reading from",
    "Connection closed by server",
    " while writing to",
)
"""Beginnings of the library's messages when the other side closes the connection."""


class Pool(ConnectionPool):
    """Connections that are ready before a call is sent, or report that nothing was sent."""

    async def ensure_connection(self, connection: AbstractConnection) -> None:
        """Connect if it is not connected; an error here gets the note `NOTHING_SENT`."""
        try:
            await super().ensure_connection(connection)
        except (exceptions.RedisError, OSError) as error:
            error.add_note(NOTHING_SENT)
            raise

    def maint_notifications_enabled(self) -> bool:
        """False: with them, the library would use a connection that was closed while it was idle.

        Only Redis Enterprise sends such notices. A call on that connection would be lost, and it
        would not be known that it was never sent.
        """
        return False


class _ToPrimary(AbstractConnection):
    """Added to a connection class of the library: connects to where the primary is now."""

    def __init__(self, *, primary: Primary, **settings: Any) -> None:
        super().__init__(**settings)
        self._primary = primary

    async def _connect(self) -> None:
        place = self.host, self.port = await self._primary.find()
        try:
            await super()._connect()  # type: ignore[safe-super, no-untyped-call]
        except (exceptions.RedisError, OSError):
            self._primary.doubt(place)
            raise

    def _error_message(self, exception: BaseException) -> str:
        return f"{PRIMARY_AWAY}: {super()._error_message(exception)}"


def to_primary(kind: type[AbstractConnection]) -> type[AbstractConnection]:
    """A class like `kind` whose connections ask for host and port each time they connect."""
    return type(f"ToPrimary{kind.__name__}", (_ToPrimary, kind), {})


async def greet(namespace: str, connection: Any) -> None:
    """Begin as the library does, then load these scripts into Redis."""
    try:
        await connection.on_connect()
    except exceptions.ConnectionError as error:
        if any(words in str(error) for words in _BROKEN_OFF):
            raise exceptions.ConnectionError(CLOSED_AT_ONCE) from None
        raise
    try:
        scripts = [each.text(namespace) for each in WITH_BODIES]
        known = scripts and await _asked(
            connection, "SCRIPT EXISTS", *(each[1] for each in scripts)
        )
        for (text, _), is_known in zip(scripts, known, strict=True):
            if not is_known:
                await _asked(connection, "SCRIPT LOAD", text)
    except exceptions.ResponseError:
        # The user may not do that, or Redis refuses all commands now: the call for which the
        # connection is made will report it.
        return


async def _asked(connection: Any, *parts: str) -> Any:
    await connection.send_command(*parts)
    return await connection.read_response()
