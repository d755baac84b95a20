"""The scripts of accounts as typed functions. The head of each file in `lua/` says what it does."""

from typing import Any, Final, NamedTuple

from rerankq.store.script import FLAG, JSON, ROWS, Script

PACKAGE: Final = "rerankq.accounts"

NONSENSE_SCORES: Final = "nonsense_scores"
"""Reason of a model's breaker whose scores of known pairs are nonsense. The ranking of a job is no
proof that they are good again: only a check of known pairs probes it."""


class _Allot(NamedTuple):
    account: str
    worker: str
    report: dict[str, Any]


class _Trip(NamedTuple):
    name: str
    state: str
    code: str
    reason: str
    certain_after: int
    doubt_ms: int
    every_ms: int


class _Probe(NamedTuple):
    request: str
    names: tuple[str, ...]


_ACCOUNT: Final = ("account", "account_workers", "account_lane", "account_slots", "account_answers")
ALLOT: Final = Script(
    PACKAGE, "allot", _Allot, keys=(*_ACCOUNT, "accounts", "breakers", "last_heard"), reply=JSON
)
TRIP: Final = Script(
    *(PACKAGE, "trip", _Trip),
    keys=("breakers",),
    reply=ROWS,
    constants={"NONSENSE_SCORES": NONSENSE_SCORES},
)
PROBE: Final = Script(PACKAGE, "probe", _Probe, keys=("breakers",), reply=FLAG)
