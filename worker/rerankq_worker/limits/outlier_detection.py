"""Whether one model fails while other models are answered: then the account itself is well."""

import math
import time
from dataclasses import dataclass
from typing import Final

PROOF: Final = 5.0
"""Points of failures in a row that are proof; each must come within `KEPT_SECONDS` of the last."""
KEPT_SECONDS: Final = 60.0
MOST_MODELS: Final = 100
"""How many models are remembered: jobs may name any model, so it must be bounded."""


@dataclass(slots=True)
class _Record:
    points: float
    failed_at: float
    others_answered_at: float = -math.inf


class OutlierDetection:
    """The models that failed lately and were not answered since, in this worker's calls."""

    def __init__(self) -> None:
        self._records: dict[tuple[str, str], _Record] = {}

    def failed(self, account: str, model: str, points: float) -> bool:
        """Record a failure; returns whether the model alone is at fault."""
        now = time.monotonic()
        record = self._records.pop((account, model), None)
        if record is None or now - record.failed_at > KEPT_SECONDS:
            record = _Record(0.0, now)
        record.points, record.failed_at = record.points + points, now
        # The model that failed last is moved to the end: the oldest is dropped first.
        self._records[account, model] = record
        if len(self._records) > MOST_MODELS:
            del self._records[next(iter(self._records))]
        # An old answer says nothing about an outage that may have begun since.
        return record.points >= PROOF and now - record.others_answered_at <= KEPT_SECONDS

    def answered(self, account: str, model: str) -> None:
        """Record an answer: the model and the account are well."""
        if not self._records:
            return
        now = time.monotonic()
        self._records.pop((account, model), None)
        for (where, _), record in self._records.items():
            if where == account:
                record.others_answered_at = now

    def is_suspected(self, account: str, model: str | None = None) -> bool:
        """Whether a model (any model if None) failed lately and was not answered since."""
        since = time.monotonic() - KEPT_SECONDS
        return any(
            where == account and model in {None, name} and record.failed_at >= since
            for (where, name), record in self._records.items()
        )
