"""Finds the scores of pairs in Redis; the lookups of jobs that begin together share a call.

A lookup never holds a job up: when Redis does not answer soon, nothing is known, and for a while
nobody asks again.
"""

import asyncio
import math
from dataclasses import dataclass
from typing import Final

from rerankq.errors import LedgerUnavailable
from rerankq.score_cache.cache import MOST_AT_ONCE, ScoreCache
from rerankq.score_cache.stored_score import UNKNOWN

LOOKUP_SECONDS: Final = 0.25
"""How long a lookup may take; the median is below a millisecond."""
PAUSE_SECONDS: Final = 5.0
"""How long nothing is looked up after a lookup that failed."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What Redis has of the pairs of one source.

    Attributes:
        keys: of the pairs.
        scores: for each what `stored_score.score_of` reads.
        epoch: of the source; empty while scores cannot be stored.
    """

    keys: list[bytes]
    scores: list[bytes]
    epoch: bytes


@dataclass(slots=True, eq=False)
class _Asked:
    source: str
    keys: list[bytes]
    answer: asyncio.Future[Stored]


class Lookups:
    """The lookups of one worker. All calls belong to one event loop.

    Args:
        cache: the scores in Redis.
        gather_seconds: time between two calls: lookups that come in between share the next one.
    """

    def __init__(self, cache: ScoreCache, *, gather_seconds: float = 0.0) -> None:
        self._cache = cache
        self._gather_seconds = gather_seconds
        self._called_at = -math.inf
        self._asked: list[_Asked] = []
        self._calls: set[asyncio.Task[None]] = set()
        self._paused_until = 0.0

    async def find(self, source: str, keys: list[bytes]) -> Stored:
        """What Redis has of pairs; nothing while it cannot be asked.

        Args:
            source: of all these pairs.
            keys: any number.
        """
        loop = asyncio.get_running_loop()
        if loop.time() < self._paused_until:
            return _nothing(keys)
        # Redis serves nobody else during a call, so each has a bounded number of pairs.
        parts = [keys[at : at + MOST_AT_ONCE] for at in range(0, len(keys), MOST_AT_ONCE)]
        asked = [_Asked(source, part, loop.create_future()) for part in parts]
        if not self._asked:
            # Jobs of one claim begin in the same turn of the loop: the call waits for all of them.
            rest = self._called_at + self._gather_seconds - loop.time()
            if rest > 0:
                loop.call_later(rest, self._begin)
            else:
                loop.call_soon(self._begin)
        self._asked += asked
        found = [await each.answer for each in asked]
        if len(found) == 1:
            return found[0]
        scores = [score for each in found for score in each.scores]
        # An epoch that is over in one part is over in all.
        epochs = {each.epoch for each in found}
        return Stored(keys, scores, epochs.pop() if len(epochs) == 1 else b"")

    def _begin(self) -> None:
        asked, self._asked = self._asked, []
        self._called_at = asyncio.get_running_loop().time()
        while asked:
            count = size = 0
            while count < len(asked) and (
                not count or size + len(asked[count].keys) <= MOST_AT_ONCE
            ):
                size += len(asked[count].keys)
                count += 1
            call = asyncio.create_task(self._ask(asked[:count]))
            self._calls.add(call)
            call.add_done_callback(self._calls.discard)
            asked = asked[count:]

    async def _ask(self, asked: list[_Asked]) -> None:
        try:
            async with asyncio.timeout(LOOKUP_SECONDS):
                await self._answer(asked)
        except (LedgerUnavailable, TimeoutError):
            self._paused_until = asyncio.get_running_loop().time() + PAUSE_SECONDS
        finally:
            # Whatever went wrong: the jobs go on without.
            for each in asked:
                if not each.answer.done():
                    each.answer.set_result(_nothing(each.keys))

    async def _answer(self, asked: list[_Asked]) -> None:
        sources = list(dict.fromkeys(each.source for each in asked))
        keys = b"".join(key for each in asked for key in each.keys)
        found = await self._cache.find(sources, keys)
        epochs, at = dict(zip(sources, found.epochs, strict=True)), 0
        for each in asked:
            scores = list(found.scores[at : at + len(each.keys)])
            at += len(each.keys)
            if not each.answer.done():
                each.answer.set_result(Stored(each.keys, scores, epochs[each.source]))


def _nothing(keys: list[bytes]) -> Stored:
    return Stored(keys, [UNKNOWN] * len(keys), b"")
