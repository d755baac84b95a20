"""Whether a key is refused to everybody, to this worker alone, or only to single jobs.

A vendor may refuse one worker alone, when its address is not on the vendor's list. So refusals in a
row do not take the key out of use for other workers yet: this worker makes single calls by it until
Redis says whether other workers got rankings by it since the row began.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from rerankq.accounts.accounts import Blame

KEPT_SECONDS: Final = 30.0
"""An older refusal has nothing to do with the next one."""
SHARE: Final = 4
"""One in this many calls in flight must be refused, with no ranking in between."""
LEAST_CALLS: Final = 3
LEAST_JOBS: Final = 2
PACE_SECONDS: Final = 0.5
"""Between two calls by a key under suspicion, until it is known who is at fault."""
BLAMED_PACE_SECONDS: Final = 2.0
"""The same once it is known that this worker is at fault; other keys of the account may serve."""


@dataclass(slots=True)
class _Row:
    began: float
    refused_at: float
    jobs: set[str] = field(default_factory=set)
    count: int = 0
    is_suspect: bool = False
    next_call_at: float = 0.0
    blame: Blame | None = None


class Suspicions:
    """The refusals in a row of each key of an account, in this worker's calls.

    Args:
        clock: a monotonic clock in seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._rows: dict[str, _Row] = {}
        self._others = 0

    def refused(self, key: str, job_id: str, *, began: float, in_flight: int) -> bool:
        """Record a refusal; returns whether too many calls were refused for it to be this job.

        Args:
            key: fingerprint of the key.
            job_id: the call's job.
            began: when the call began.
            in_flight: the account's calls in flight; some may still be ranked.
        """
        now = self._clock()
        row = self._row(key)
        if row is None:
            row = self._rows[key] = _Row(began, now)
        row.began = min(row.began, began)
        row.refused_at, row.count = now, row.count + 1
        if len(row.jobs) < LEAST_JOBS:
            row.jobs.add(job_id)
        return len(row.jobs) == LEAST_JOBS and row.count >= max(LEAST_CALLS, in_flight // SHARE)

    def is_of_one_job(self, key: str) -> bool:
        """Whether all refusals met one and the same job, which may be at fault."""
        return len(self._rows[key].jobs) < LEAST_JOBS

    def hold(self, key: str) -> None:
        """Put the key under suspicion: only single calls, until it is known who is at fault."""
        row = self._rows[key]
        if not row.is_suspect:
            row.is_suspect = True
            row.next_call_at = self._clock() + PACE_SECONDS

    def breaker_opened(self, key: str) -> None:
        """The key's breaker is open for all workers: the suspicion here is no longer needed."""
        # Another job may have been ranked while the breaker was opened in Redis.
        if row := self._rows.get(key):
            row.is_suspect = False

    def ranked(self, key: str) -> None:
        """Record a ranking: the key is well, and this worker may use it."""
        self._rows.pop(key, None)

    def forget(self) -> None:
        """Forget all refusals: other signs have shown that this worker is at fault."""
        self._rows.clear()

    # What Redis is asked, and what it answers.

    @property
    def pending(self) -> bool:
        """Whether it is not known yet who is at fault."""
        return any(self.is_suspected(key) for key in tuple(self._rows))

    def report(self) -> dict[str, float]:
        """For how many ms each key under suspicion has been refused."""
        now = self._clock()
        return {
            key: 1000 * max(0.0, now - row.began)
            for key, row in tuple(self._rows.items())
            if self.is_suspected(key)
        }

    def told(self, verdicts: Mapping[str, Blame], *, others: int) -> str | None:
        """Record who is at fault; returns a key that is refused to this worker alone.

        Args:
            verdicts: who is at fault, by key, where that is known.
            others: how many other workers use the account.
        """
        self._others = others
        alone = None
        for key, blame in verdicts.items():
            row = self._row(key)
            if row is None or not row.is_suspect:
                continue
            row.blame = blame
            if blame is Blame.WORKER:
                alone = key
        return alone

    def began_at(self, key: str) -> float:
        """When the first call of the row began."""
        return self._rows[key].began

    def blames_key(self, key: str) -> bool:
        """Whether the key is refused to everybody, as far as is known."""
        return self._others == 0 or self._rows[key].blame is Blame.KEY

    # Which calls may begin.

    def is_suspected(self, key: str) -> bool:
        """Whether the key is under suspicion: only single calls are made by it."""
        row = self._row(key)
        return row is not None and row.is_suspect

    def holds(self, key: str) -> bool:
        """Whether no call by the key may begin now."""
        row = self._row(key)
        return row is not None and row.is_suspect and self._clock() < row.next_call_at

    def call_begins(self, key: str) -> None:
        """A call by the key is about to begin."""
        row = self._rows.get(key)
        if row is not None and row.is_suspect:
            is_here = row.blame is Blame.WORKER
            row.next_call_at = self._clock() + (BLAMED_PACE_SECONDS if is_here else PACE_SECONDS)

    def _row(self, key: str) -> _Row | None:
        """The current row of refusals; None if the last one is too long ago."""
        row = self._rows.get(key)
        if row is not None and self._clock() - row.refused_at > KEPT_SECONDS:
            del self._rows[key]
            return None
        return row
