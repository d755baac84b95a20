"""Messages that were no hints: put aside by workers, counted, and shown to operators.

No job is lost by them: a job whose hint was damaged is announced again, like any other whose
hint was lost. A foreign message may hold anything, so it is shown only when an operator asks.
"""

from secrets import token_hex
from typing import Final, NamedTuple

import orjson

from rerankq.contract import Message
from rerankq.errors import InvalidRequest
from rerankq.store.script import FLAG, Argument, Script
from rerankq.store.store import Store

MOST_KEPT: Final = 1000
MOST_BYTES: Final = 4 * 1024
KEPT_SECONDS: Final = 7 * 24 * 3600


class PoisonedMessage(Message):
    """A message that was put aside.

    Attributes:
        queue: the queue that it was in.
        fault: why it was refused.
        size: its length in bytes.
        content: its beginning, at most `MOST_BYTES` as JSON; bytes that are not UTF-8 are replaced.
    """

    queue: str
    fault: str
    size: int
    content: str


class _PutAside(NamedTuple):
    request: str
    fault: str
    message: bytes
    most: int
    seconds: int


_PUT_ASIDE: Final = Script(
    *("rerankq.broker", "put_aside", _PutAside),
    keys=("poison", "poison_counts", "poison_told"),
    reply=FLAG,
)


def put_aside(
    queue: str, fault: str, message: bytes, *, namespace: str = ""
) -> tuple[Argument, ...]:
    """The call that records a message: once, also when it is repeated after a lost answer."""
    record = PoisonedMessage(
        queue=queue, fault=fault, size=len(message), content=_beginning(message)
    )
    call = _PUT_ASIDE(
        request=token_hex(8),
        fault=fault,
        message=record.encode(),
        most=MOST_KEPT,
        seconds=KEPT_SECONDS,
    )
    return ("EVAL", call.script.text(namespace)[0], 0, *call.arguments)


def _beginning(message: bytes) -> str:
    # By its stored length: a byte that is not UTF-8 takes three, a control character six.
    content = message[:MOST_BYTES].decode(errors="replace")
    while (size := len(orjson.dumps(content))) > MOST_BYTES:
        content = content[: len(content) * MOST_BYTES // size]
    return content


class Quarantine:
    """The messages put aside. Every call raises LedgerUnavailable when Redis cannot be used."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def counts(self) -> dict[str, int]:
        """How many messages were put aside in all, by fault."""
        flat = await self._store.command("HGETALL", self._store.keys.poison_counts)
        pairs = flat.items() if isinstance(flat, dict) else zip(flat[::2], flat[1::2], strict=True)
        return {fault.decode(): int(count) for fault, count in pairs}

    async def messages(self, most: int) -> list[PoisonedMessage]:
        """Those kept, the newest first."""
        kept = await self._store.command("LRANGE", self._store.keys.poison, 0, most - 1)
        return [_message(each, self._store.keys.poison) for each in kept]

    async def purge(self) -> int:
        """Delete the messages kept; returns how many. The counts stay."""
        kept, _ = await self._store.commands(
            ("LLEN", self._store.keys.poison), ("DEL", self._store.keys.poison)
        )
        return int(kept)


def _message(kept: bytes, found_under: str) -> PoisonedMessage:
    """One of those kept; a damaged one is shown as it is, beside the others."""
    try:
        return PoisonedMessage.parse(kept)
    except InvalidRequest:
        return PoisonedMessage(
            queue=found_under, fault="unreadable", size=len(kept), content=_beginning(kept)
        )
