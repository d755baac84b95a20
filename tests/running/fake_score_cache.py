"""A fake of the scores in Redis: a dictionary that a test may damage."""

from collections.abc import Sequence

from rerankq.errors import LedgerUnavailable
from rerankq.score_cache.cache import CacheLimits, Found, Kept, ScoreCache
from rerankq.score_cache.stored_score import KEY_BYTES, UNKNOWN
from rerankq.store.store import Store


class FakeScoreCache(ScoreCache):
    """Keeps scores, and counts calls.

    Attributes:
        scores: what is stored, by key.
        epoch: of all sources.
        calls: the pairs of each lookup.
        away: whether Redis cannot be reached.
        is_full: whether Redis is full.
    """

    def __init__(self) -> None:
        super().__init__(Store("redis://nowhere.invalid:1/0"), CacheLimits(3600, 10**6))
        self.scores: dict[bytes, bytes] = {}
        self.epoch = b"epoch"
        self.calls: list[int] = []
        self.kept = 0
        self.away = self.is_full = False

    async def find(self, sources: Sequence[str], keys: bytes) -> Found:
        """See `ScoreCache`."""
        self._answer()
        each = [keys[at : at + KEY_BYTES] for at in range(0, len(keys), KEY_BYTES)]
        self.calls.append(len(each))
        return Found([self.scores.get(key, UNKNOWN) for key in each], [self.epoch for _ in sources])

    async def keep(self, entries: Sequence[bytes]) -> Kept:
        """See `ScoreCache`."""
        self._answer()
        self.kept += 1
        if self.is_full:
            return Kept(0, is_full=True)
        before = len(self.scores)
        self.scores |= {each[:KEY_BYTES]: each[KEY_BYTES:] for each in entries}
        return Kept(len(self.scores) - before, is_full=False)

    def _answer(self) -> None:
        if self.away:
            raise LedgerUnavailable("Redis is away")
