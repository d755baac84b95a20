"""Messages that were no hints, in the real ledger."""

import orjson
import pytest

from rerankq.broker.quarantine import KEPT_SECONDS, MOST_BYTES, Quarantine, put_aside
from running.keys import KEYS
from running.ledger_desk import LedgerDesk


@pytest.mark.parametrize("byte", [b"a", b"\x00", b"\xff", b'"', "\u4e2d".encode()])
def test_a_long_message_is_cut(desk: LedgerDesk, byte: bytes) -> None:
    """At most 4 KiB of a message are kept, even if its bytes grow when they are encoded."""
    message = byte * 1_000_000
    desk.run(desk.store.command(*put_aside("q", "no_json", message)))
    (kept,) = desk.run(Quarantine(desk.store).messages(10))
    assert kept.size == len(message)
    assert MOST_BYTES - 16 <= len(orjson.dumps(kept.content)) <= MOST_BYTES == 4096


def test_messages_are_kept_for_a_week(desk: LedgerDesk) -> None:
    """Each message put aside keeps all of them for another week; the counts stay."""
    for _ in range(2):
        desk.run(desk.store.command(*put_aside("q", "no_json", b"x")))
        assert KEPT_SECONDS - 60 < int(desk.redis.ttl(KEYS.poison)) <= KEPT_SECONDS
        desk.redis.persist(KEYS.poison)
    assert desk.run(Quarantine(desk.store).counts()) == {"no_json": 2}


def test_a_message_is_put_aside_once(desk: LedgerDesk) -> None:
    """The same command, sent again after a lost answer, neither keeps nor counts it again."""
    command = put_aside("q", "no_json", b"x")
    assert [desk.run(desk.store.command(*command)) for _ in range(2)] == [1, 0]
    assert len(desk.run(Quarantine(desk.store).messages(10))) == 1
    assert desk.run(Quarantine(desk.store).counts()) == {"no_json": 1}


def test_a_damaged_entry_does_not_hide_others(desk: LedgerDesk) -> None:
    """A damaged entry does not hide the others in the list."""
    desk.run(desk.store.command(*put_aside("q", "no_json", b"x")))
    desk.redis.lpush(KEYS.poison, "no record")
    strange, kept = desk.run(Quarantine(desk.store).messages(10))
    assert (strange.fault, strange.size, strange.content) == ("unreadable", 9, "no record")
    assert (kept.queue, kept.fault) == ("q", "no_json")
