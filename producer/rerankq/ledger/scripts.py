"""The ledger's scripts as typed functions. The head of each file in `lua/` says what it does."""

from typing import Any, Final, NamedTuple

from rerankq.ledger.outcomes import SPELLINGS
from rerankq.store.script import FLAG, FLAGS, NUMBERS, ROWS, TEXTS, Script

ROOM: Final = "rerankq.ledger"
_LINES: Final = ("lane", "lane_redelivery", "lane_set")
_RECORDS: Final = ("job", "batch", "batch_entries")
_TENANTS: Final = ("tenant_queue", "tenant_running", "tenant_waiting")
_MOVES: Final = (*_RECORDS, *_TENANTS, "lane_set")
_KEYS_OF_IDEMPOTENCY: Final = ("idempotency", "tenant_idempotency")
_ENDS: Final = (*_MOVES, *_KEYS_OF_IDEMPOTENCY, "payload", "result", "deadlines", "dead")


class _Submit(NamedTuple):
    most: int
    jobs: list[dict[str, str | int]]
    mark: str
    payloads: tuple[bytes, ...]


class _SubmitStaged(NamedTuple):
    most: int
    jobs: list[dict[str, str | int]]
    mark: str


class _Claim(NamedTuple):
    worker: str
    lease_ms: int
    most_absent: int
    is_alone: bool
    request: str
    job_ids: tuple[str, ...]


class _Renew(NamedTuple):
    worker: str
    lease_ms: int
    leases: list[tuple[str, int]]


class _Finish(NamedTuple):
    keep_result_ms: int
    keep_dead_ms: int
    told_ms: int
    jobs: list[tuple[Any, ...]]
    results: tuple[bytes, ...]


class _FinishStaged(NamedTuple):
    keep_result_ms: int
    keep_dead_ms: int
    told_ms: int
    jobs: list[tuple[Any, ...]]


class _Postpone(NamedTuple):
    jobs: list[tuple[Any, ...]]


class _Cancel(NamedTuple):
    keep_result_ms: int
    keep_dead_ms: int
    ids: tuple[str, ...]


class _Hasten(NamedTuple):
    lane: str
    first: int
    most: int


class _Sweep(NamedTuple):
    interval_ms: int
    lease_ms: int
    grace_ms: int
    grace_again_ms: int
    most_deaths: int
    keep_result_ms: int
    keep_dead_ms: int
    most_dead: int
    most: int
    worker: str
    lanes: list[tuple[str, str, str]]


class _Batch(NamedTuple):
    batch: str


class _Note(NamedTuple):
    batch: str
    entry: bytes
    counter: str
    id: str


class _Seal(NamedTuple):
    batch: str
    cut_at: str


class _Collected(NamedTuple):
    keep_result_ms: int
    keep_dead_ms: int
    batch: str
    ids: tuple[str, ...]


_SUBMIT_KEYS: Final = (
    *{*_MOVES, *_LINES},
    *_KEYS_OF_IDEMPOTENCY,
    *("payload", "deadlines", "tenant", "tenant_use"),
)
SUBMIT: Final = Script(ROOM, "submit", _Submit, keys=_SUBMIT_KEYS, reply=TEXTS, has_bodies=True)
SUBMIT_STAGED: Final = Script(
    ROOM, "submit_staged", _SubmitStaged, keys=_SUBMIT_KEYS, reply=TEXTS, has_bodies=True
)
CLAIM: Final = Script(ROOM, "claim", _Claim, keys=(*{*_MOVES, *_LINES}, "last_heard"), reply=ROWS)
RENEW: Final = Script(ROOM, "renew", _Renew, keys=(*_MOVES, "last_heard"), reply=TEXTS)
_FINISH_KEYS: Final = (*_ENDS, "staged", "said")
FINISH: Final = Script(
    ROOM, "finish", _Finish, keys=_FINISH_KEYS, reply=NUMBERS, constants=SPELLINGS, has_bodies=True
)
FINISH_STAGED: Final = Script(
    *(ROOM, "finish_staged", _FinishStaged),
    keys=_FINISH_KEYS,
    reply=NUMBERS,
    constants=SPELLINGS,
    has_bodies=True,
)
POSTPONE: Final = Script(ROOM, "postpone", _Postpone, keys=_MOVES, reply=FLAGS)
CANCEL: Final = Script(ROOM, "cancel", _Cancel, keys=_ENDS, reply=TEXTS, constants=SPELLINGS)
HASTEN: Final = Script(ROOM, "hasten", _Hasten, keys=_MOVES, reply=NUMBERS)
SWEEP: Final = Script(
    *(ROOM, "sweep", _Sweep),
    keys=(
        *{*_ENDS, *_LINES, "said", "last_heard", "sweeper", "sweeping"},
        *("put_aside", "breakers", "accounts"),
    ),
    reply=ROWS,
    constants=SPELLINGS,
)
FEEDING: Final = Script(ROOM, "feeding", _Batch, keys=("batch",), reply=FLAG)
NOTE: Final = Script(ROOM, "note", _Note, keys=(*_RECORDS, "result"), reply=FLAG)
SEAL: Final = Script(ROOM, "seal", _Seal, keys=("batch",), reply=FLAG)
COLLECTED: Final = Script(ROOM, "collected", _Collected, keys=(*_RECORDS, "result"), reply=FLAG)
