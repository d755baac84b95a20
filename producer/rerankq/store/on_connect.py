"""How a connection to Redis begins: with the scripts that come right behind bodies.

A Redis that has begun anew knows no script. It would take the bodies, then miss the script that
decides on them; and if whoever asked ended before the second try, nobody would ever delete them.
"""

from typing import Any, Final

from redis import exceptions
from redis.asyncio import ConnectionPool
from redis.asyncio.connection import AbstractConnection

from rerankq.store.connecting import CLOSED_AT_ONCE, NOTHING_SENT
from rerankq.store.script import WITH_BODIES

_BROKEN_OFF: Final = (
    "Error while reading from",
    "Connection closed by server",
    " while writing to",
)
"""How the library begins what it says of a connection that the other side closes."""


class Pool(ConnectionPool):
    """Connections of which each is ready before a call is sent, or says that none was."""

    async def ensure_connection(self, connection: AbstractConnection) -> None:
        """Connect, where it is not connected; what fails here is noted as `NOTHING_SENT`."""
        try:
            await super().ensure_connection(connection)
        except (exceptions.RedisError, OSError) as error:
            error.add_note(NOTHING_SENT)
            raise

    def maint_notifications_enabled(self) -> bool:
        """Not: for them the library uses a connection that was closed while it lay idle.

        Only Redis Enterprise sends such notices. The call would go into nothing, and nobody would
        know that it did.
        """
        return False


async def greet(namespace: str, connection: Any) -> None:
    """Begin as the library does, and see to it that Redis knows these scripts."""
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
        # A user who may not do that, or a Redis that does not answer anybody now: the call for
        # which the connection is made says so, in its own words.
        return


async def _asked(connection: Any, *parts: str) -> Any:
    await connection.send_command(*parts)
    return await connection.read_response()
