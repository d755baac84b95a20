"""The ledger's scripts as typed functions. The head of each file in `lua/` says what it does."""

from typing import Any, Final, NamedTuple

from rerankq.ledger.outcomes import SPELLINGS
from rerankq.store.script import FLAG, FLAGS, NUMBERS, ROWS, TEXTS, Script

PACKAGE: Final = "rerankq.ledger"
TENANTS: Final = ("tenant_queue", "tenant_running", "tenant_waiting", "turns")
OUTBOX: Final = (
    *("outbox", "outbox_due", "outbox_size", "delivery"),
    *("webhook", "tenant_webhooks"),
)
RECORDS: Final = ("job", "batch", "batch_entries", "batch_failed", "lane", "usage", *OUTBOX)
STATES: Final = (*RECORDS, *TENANTS, "lane_set", "batch_held")
LINES: Final = ("lane_redelivery",)
_KEYS_OF_IDEMPOTENCY: Final = ("idempotency", "tenant_idempotency")
ENDS: Final = (
    *(*STATES, *_KEYS_OF_IDEMPOTENCY),
    *("payload", "parts", "result", "deadlines", "dead"),
    *("history", "history_ended"),
    "tenant_use",
)
PORTIONS: Final = (
    *(*ENDS, *LINES),
    *("batches_resuming", "batches_cancelling", "batches_holding"),
)


class _Submit(NamedTuple):
    most: int
    jobs: list[dict[str, Any]]
    mark: str
    payloads: tuple[bytes, ...]


class _SubmitStaged(NamedTuple):
    most: int
    jobs: list[dict[str, Any]]
    mark: str


class _Claim(NamedTuple):
    worker: str
    lease_ms: int
    most_absent: int
    is_alone: bool
    keep_result_ms: int
    keep_dead_ms: int
    request: str
    job_ids: tuple[str, ...]


class _Renew(NamedTuple):
    worker: str
    lease_ms: int
    leases: list[tuple[str, int]]


class _Finish(NamedTuple):
    keep_result_ms: int
    keep_dead_ms: int
    keep_usage_days: int
    told_ms: int
    jobs: list[tuple[Any, ...]]
    results: tuple[bytes, ...]


class _FinishStaged(NamedTuple):
    keep_result_ms: int
    keep_dead_ms: int
    keep_usage_days: int
    told_ms: int
    jobs: list[tuple[Any, ...]]


class _Postpone(NamedTuple):
    keep_usage_days: int
    jobs: list[tuple[Any, ...]]


class _Checkpoint(NamedTuple):
    id: str
    token: int
    part: str
    keep_ms: int
    used: list[Any]
    scores: bytes


class _BeginParts(NamedTuple):
    id: str
    token: int
    most_calls: int


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
    keep_usage_days: int
    most_dead: int
    most: int
    worker: str
    lanes: list[tuple[str, str, str]]


_SUBMIT_KEYS: Final = (
    *(*STATES, *LINES, *_KEYS_OF_IDEMPOTENCY),
    *("payload", "deadlines", "tenant", "tenant_use", "lane_shared"),
)
SUBMIT: Final = Script(
    *(PACKAGE, "submit", _Submit),
    keys=_SUBMIT_KEYS,
    reply=TEXTS,
    has_bodies=True,
    is_promise=True,
)
SUBMIT_STAGED: Final = Script(
    *(PACKAGE, "submit_staged", _SubmitStaged),
    keys=_SUBMIT_KEYS,
    reply=TEXTS,
    has_bodies=True,
    is_promise=True,
)
CLAIM: Final = Script(
    *(PACKAGE, "claim", _Claim),
    keys=(
        *(*ENDS, *LINES, "batches_holding", "last_heard"),
        *("tenant", "shares", "lane_shared", "claimed"),
    ),
    reply=ROWS,
    constants=SPELLINGS,
)
RENEW: Final = Script(PACKAGE, "renew", _Renew, keys=(*STATES, "last_heard"), reply=TEXTS)
_FINISH_KEYS: Final = (*ENDS, "staged", "said")
FINISH: Final = Script(
    *(PACKAGE, "finish", _Finish),
    keys=_FINISH_KEYS,
    reply=ROWS,
    constants=SPELLINGS,
    has_bodies=True,
    is_promise=True,
)
FINISH_STAGED: Final = Script(
    *(PACKAGE, "finish_staged", _FinishStaged),
    keys=_FINISH_KEYS,
    reply=ROWS,
    constants=SPELLINGS,
    has_bodies=True,
    is_promise=True,
)
POSTPONE: Final = Script(PACKAGE, "postpone", _Postpone, keys=STATES, reply=FLAGS)
CHECKPOINT: Final = Script(
    *(PACKAGE, "checkpoint", _Checkpoint), keys=(*RECORDS, "parts"), reply=FLAG
)
BEGIN_PARTS: Final = Script(PACKAGE, "begin_parts", _BeginParts, keys=RECORDS, reply=FLAG)
CANCEL: Final = Script(
    *(PACKAGE, "cancel", _Cancel), keys=ENDS, reply=ROWS, constants=SPELLINGS, is_promise=True
)
HASTEN: Final = Script(PACKAGE, "hasten", _Hasten, keys=STATES, reply=NUMBERS)
SWEEP: Final = Script(
    *(PACKAGE, "sweep", _Sweep),
    keys=(
        *(*PORTIONS, "said", "last_heard", "sweeper", "sweeping"),
        *("put_aside", "breakers", "accounts", "batches", "batches_deadlines", "imports"),
        "outbox_taken",
        *("tenant", "shares", "lane_shared", "history_open", "history_segments"),
        *("account", "account_workers", "account_lane", "account_slots", "account_answers"),
    ),
    reply=ROWS,
    constants=SPELLINGS,
)
