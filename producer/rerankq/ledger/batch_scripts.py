"""The scripts of batches as typed functions. The head of each file in `lua/` says what it does."""

from typing import Any, Final, NamedTuple

from rerankq.ledger.outcomes import SPELLINGS
from rerankq.ledger.scripts import OUTBOX, PACKAGE, PORTIONS, RECORDS
from rerankq.store.script import FLAG, MAYBE_TEXT, NUMBERS, ROWS, Script


class _Batch(NamedTuple):
    batch: str


class _Open(NamedTuple):
    batch: str
    kept_ms: int
    tenant: str
    fields: dict[str, Any]


class _Note(NamedTuple):
    batch: str
    entry: bytes
    counter: str
    id: str


class _NoteRetry(NamedTuple):
    batch: str
    retry: str


class _Seal(NamedTuple):
    batch: str
    cut_at: str


class _Resume(NamedTuple):
    batch: str
    most: int
    is_first: bool


class _CancelJobs(NamedTuple):
    keep_result_ms: int
    keep_dead_ms: int
    batch: str
    most: int


class _SetBudget(NamedTuple):
    batch: str
    fields: dict[str, Any]


class _Collected(NamedTuple):
    keep_result_ms: int
    keep_dead_ms: int
    batch: str
    ids: tuple[str, ...]


_BATCH: Final = ("batch", "batch_entries")
OPEN: Final = Script(
    PACKAGE,
    "open_batch",
    _Open,
    keys=(*_BATCH, *OUTBOX, "batches", "batches_deadlines", "tenant_batches"),
    reply=NUMBERS,
    is_promise=True,
)
FEEDING: Final = Script(PACKAGE, "feeding", _Batch, keys=("batch",), reply=FLAG)
NOTE: Final = Script(PACKAGE, "note", _Note, keys=(*RECORDS, "result"), reply=FLAG)
NOTE_RETRY: Final = Script(PACKAGE, "note_retry", _NoteRetry, keys=_BATCH, reply=MAYBE_TEXT)
SEAL: Final = Script(PACKAGE, "seal", _Seal, keys=(*_BATCH, *OUTBOX), reply=ROWS, is_promise=True)
PAUSE: Final = Script(PACKAGE, "pause", _Batch, keys=(*_BATCH, "batches_resuming"), reply=NUMBERS)
RESUME: Final = Script(PACKAGE, "resume", _Resume, keys=PORTIONS, reply=ROWS, constants=SPELLINGS)
CANCEL_BATCH: Final = Script(
    *(PACKAGE, "cancel_batch", _Batch),
    keys=(*_BATCH, *OUTBOX, "batches_resuming", "batches_cancelling"),
    reply=ROWS,
    is_promise=True,
)
CANCEL_JOBS: Final = Script(
    PACKAGE, "cancel_jobs", _CancelJobs, keys=PORTIONS, reply=ROWS, constants=SPELLINGS
)
SET_BUDGET: Final = Script(PACKAGE, "set_budget", _SetBudget, keys=_BATCH, reply=FLAG)
COLLECTED: Final = Script(PACKAGE, "collected", _Collected, keys=(*RECORDS, "result"), reply=FLAG)
