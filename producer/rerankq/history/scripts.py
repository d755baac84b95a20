"""The history's scripts as typed functions. The head of each file in `lua/` says what it does."""

from typing import Final, NamedTuple

from rerankq.store.script import FLAG, NUMBERS, ROWS, Script

_PACKAGE: Final = "rerankq.history"
_PLACES: Final = ("history", "history_open", "history_segments", "history_segment")


class _Take(NamedTuple):
    interval_ms: int
    ttl_ms: int
    most_bytes: int
    open_ms: int


class _Keep(NamedTuple):
    first: int
    rows: tuple[bytes, ...]


class _Seal(NamedTuple):
    first: int
    open: int
    taken: int
    ttl_ms: int
    most_bytes: int
    last: int
    summary: bytes
    hashes: bytes
    packed: bytes


class _Recent(NamedTuple):
    before: int
    most: int


class _NoteAct(NamedTuple):
    entry: bytes
    is_tenants: bool
    most: int


TAKE: Final = Script(
    _PACKAGE, "take", _Take, keys=(*_PLACES, "history_ended", "history_packing"), reply=NUMBERS
)
KEEP: Final = Script(_PACKAGE, "keep", _Keep, keys=(*_PLACES, "history_ended"), reply=FLAG)
SEAL: Final = Script(_PACKAGE, "seal", _Seal, keys=(*_PLACES, "history_ended"), reply=FLAG)
RECENT: Final = Script(_PACKAGE, "recent", _Recent, keys=(*_PLACES, "history_ended"), reply=ROWS)
NOTE_ACT: Final = Script(
    _PACKAGE, "note_act", _NoteAct, keys=("audit", "audit_tenants", "audit_count"), reply=NUMBERS
)
