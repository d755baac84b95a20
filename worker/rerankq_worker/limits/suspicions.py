"""Whether it is a key that is refused, or only the jobs that came with it."""

import time
from dataclasses import dataclass, field
from typing import Final

KEPT_SECONDS: Final = 30.0
"""A refusal that is longer ago than this has nothing to do with the next."""
SHARE: Final = 4
"""Of so many calls under way, one must be refused, and no other be ranked in between."""
LEAST_CALLS: Final = 3
LEAST_JOBS: Final = 2


@dataclass(slots=True)
class _Row:
    jobs: set[str] = field(default_factory=set)
    count: int = 0
    refused_at: float = 0.0


class Suspicions:
    """The refusals in a row that each key met, as this worker saw it."""

    def __init__(self) -> None:
        self._rows: dict[str, _Row] = {}

    def refused(self, key: str, job_id: str, *, in_flight: int) -> bool:
        """Take note of a refusal; returns whether the key is to blame, and not this job.

        Args:
            key: the circuit of the key.
            job_id: whose call it was.
            in_flight: calls under way by the account, of which some may be ranked yet.
        """
        now = time.monotonic()
        row = self._rows.setdefault(key, _Row())
        if now - row.refused_at > KEPT_SECONDS:
            row.jobs, row.count = set(), 0
        row.refused_at, row.count = now, row.count + 1
        if len(row.jobs) < LEAST_JOBS:
            row.jobs.add(job_id)
        return len(row.jobs) == LEAST_JOBS and row.count >= max(LEAST_CALLS, in_flight // SHARE)

    def is_of_one_job(self, key: str) -> bool:
        """Whether nobody but one job met the refusals: it may be that job."""
        return len(self._rows[key].jobs) < LEAST_JOBS

    def ranked(self, key: str) -> None:
        """Take note of a ranking: the key is well."""
        self._rows.pop(key, None)
