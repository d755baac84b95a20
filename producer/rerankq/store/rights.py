"""Which commands Redis forbids to this user, found out without carrying any of them out."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any, Final

from redis import exceptions

from rerankq.store.refusals import refusal
from rerankq.store.store import Store

Command = tuple[str, ...]
_BY_THEMSELVES: Final = frozenset({"EXEC", "WATCH", "UNWATCH", "PING", "TIME", "MULTI"})
"""Not queued in a transaction, and harmless outside of one."""


class Forbidden(StrEnum):
    """What is forbidden."""

    COMMAND = "command"
    PLACE = "place"
    """The command is allowed, but not with that key or channel."""


async def forbidden(store: Store, commands: Sequence[Command]) -> list[Forbidden | None]:
    """For each command what Redis forbids; None if this user may send it.

    Redis checks the rights when it queues a command in a transaction. The transaction is never
    executed: its connection is closed.

    Args:
        store: the Redis.
        commands: each with as many arguments as it needs. Their keys need not exist.

    Raises:
        LedgerUnavailable: Redis cannot be reached, or forbids transactions.
    """
    connection, found = store.apart(), list[Forbidden | None]([None] * len(commands))
    try:
        await connection.connect()
        for at, command in enumerate(commands):
            if command[0].upper() in _BY_THEMSELVES - {"MULTI"}:
                found[at] = await _asked(connection, command)
        await connection.send_command("MULTI")
        await connection.read_response()
        for at, command in enumerate(commands):
            if command[0].upper() not in _BY_THEMSELVES:
                found[at] = await _asked(connection, command)
    except (exceptions.RedisError, OSError) as error:
        raise refusal(store.address, error) from None
    finally:
        await connection.disconnect()
    return found


async def _asked(connection: Any, command: Command) -> Forbidden | None:
    await connection.send_command(*command)
    try:
        await connection.read_response()
    except exceptions.ResponseError as error:
        # A forbidden EXEC is refused as an abort, with the reason behind it. Other refusals, such
        # as that of EXEC without MULTI, come only after the rights were checked.
        if isinstance(error, exceptions.NoPermissionError) or "NOPERM" in str(error):
            return Forbidden.COMMAND if " command" in str(error) else Forbidden.PLACE
    return None
