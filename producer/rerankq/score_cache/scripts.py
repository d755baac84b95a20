"""The cache's scripts as typed functions. The head of each file in `lua/` says what it does."""

from typing import Final, NamedTuple

from rerankq.store.script import NOTHING, NUMBERS, ROWS, Script

_PACKAGE: Final = "rerankq.score_cache"
_KEYS: Final = ("reuse", "reuse_bucket")
PAIRS_IN_BUCKET: Final = 64
"""On average. A hash of so few fields is stored compactly; Redis' limit is 128 fields or more."""


class _Find(NamedTuple):
    ttl_ms: int
    sources: list[str]
    wanted: bytes


class _Keep(NamedTuple):
    token: str
    ttl_ms: int
    most_pairs: int
    entries: bytes


class _Forget(NamedTuple):
    token: str
    sources: list[str]


FIND: Final = Script(_PACKAGE, "find", _Find, keys=_KEYS, reply=ROWS)
KEEP: Final = Script(
    *(_PACKAGE, "keep", _Keep),
    keys=_KEYS,
    reply=NUMBERS,
    constants={"PAIRS_IN_BUCKET": PAIRS_IN_BUCKET},
)
FORGET: Final = Script(_PACKAGE, "forget", _Forget, keys=_KEYS, reply=NOTHING)
