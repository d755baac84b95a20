"""The scores in Redis: found, kept and forgotten, many pairs in one call."""

from collections.abc import Sequence
from dataclasses import dataclass
from secrets import token_hex
from typing import Final, NamedTuple

from rerankq.score_cache.scripts import FIND, FORGET, KEEP
from rerankq.score_cache.stored_score import KEY_BYTES, STORED_BYTES
from rerankq.store.store import Store

MOST_AT_ONCE: Final = 1000
"""Most pairs of one call: Redis serves nobody else meanwhile, for about a millisecond."""
BYTES_A_PAIR: Final = 36
"""Bytes of Redis' memory that a pair takes in a full generation: 30 measured, and a margin."""
GENERATIONS: Final = 2


@dataclass(frozen=True, slots=True)
class CacheLimits:
    """How long scores are used, and how much of Redis' memory they may take.

    Attributes:
        ttl_seconds: the longest that a score is used. It is used for at least half as long, unless
            there are too many.
        most_bytes: the most memory of all scores.
    """

    ttl_seconds: float
    most_bytes: int

    @property
    def ttl_ms(self) -> int:
        """How long scores are used, in ms, as the scripts expect it."""
        return int(self.ttl_seconds * 1000)

    @property
    def most_pairs(self) -> int:
        """The most pairs of a generation. The oldest generation goes when the current is full."""
        return max(1, self.most_bytes // GENERATIONS // BYTES_A_PAIR)


class Found(NamedTuple):
    """What is known of pairs.

    Attributes:
        scores: for each pair what `stored_score.score_of` reads.
        epochs: of each source; empty while there is no cache to store in.
    """

    scores: Sequence[bytes]
    epochs: Sequence[bytes]


class Kept(NamedTuple):
    """What came of storing.

    Attributes:
        added: how many pairs were not known before.
        is_full: Redis' memory is full: nothing was stored, and memory was given back.
    """

    added: int
    is_full: bool


class ScoreCache:
    """The scores in Redis. Every call raises LedgerUnavailable when Redis cannot be used.

    Args:
        store: the Redis.
        limits: of the cache. Each worker applies its own.
    """

    def __init__(self, store: Store, limits: CacheLimits) -> None:
        self._store = store
        self._limits = limits

    async def find(self, sources: Sequence[str], keys: bytes) -> Found:
        """What is known of pairs.

        Args:
            sources: the names of the pairs' sources.
            keys: of the pairs, one after the other; at most `MOST_AT_ONCE`.
        """
        call = FIND(ttl_ms=self._limits.ttl_ms, sources=[*sources], wanted=keys)
        told, *epochs = await self._store.run(call)
        count = len(keys) // KEY_BYTES
        size = STORED_BYTES
        return Found([told[at * size : (at + 1) * size] for at in range(count)], epochs)

    async def keep(self, entries: Sequence[bytes]) -> Kept:
        """Store scores; none, to see whether Redis is full, and to begin the cache.

        Args:
            entries: each a key and what `stored_score.stored` made; at most `MOST_AT_ONCE`.
        """
        added, is_full = await self._store.run(
            KEEP(
                token=token_hex(4),
                ttl_ms=self._limits.ttl_ms,
                most_pairs=self._limits.most_pairs,
                entries=b"".join(entries),
            )
        )
        return Kept(added, bool(is_full))


async def forget_scores(store: Store, sources: Sequence[str]) -> None:
    """Forget all scores of these sources, for all workers.

    Raises:
        LedgerUnavailable: Redis cannot be used: they are not forgotten.
    """
    await store.run(FORGET(token=token_hex(4), sources=[*sources]))
