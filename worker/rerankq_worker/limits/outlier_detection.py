"""Whether it is one model that fails while others are answered: then the account is well."""

import math
import time
from dataclasses import dataclass
from typing import Final

PROOF: Final = 5.0
"""Points of failure in a row, each less than `KEPT_SECONDS` after the one before, that prove it."""
KEPT_SECONDS: Final = 60.0
MOST_MODELS: Final = 100
"""Remembered at a time: jobs may name any model."""


@dataclass(slots=True)
class _Record:
    points: float
    failed_at: float
    others_answered_at: float = -math.inf


class OutlierDetection:
    """The models that failed lately and were not answered since, as this worker saw it."""

    def __init__(self) -> None:
        self._records: dict[tuple[str, str], _Record] = {}

    def failed(self, account: str, model: str, points: float) -> bool:
        """Take note of a failure; returns whether the model alone is to blame."""
        now = time.monotonic()
        record = self._records.pop((account, model), None)
        if record is None or now - record.failed_at > KEPT_SECONDS:
            record = _Record(0.0, now)
        record.points, record.failed_at = record.points + points, now
        # The one that failed last stands last.
        self._records[account, model] = record
        if len(self._records) > MOST_MODELS:
            del self._records[next(iter(self._records))]
        # An answer of long ago says nothing of an outage that may have begun since.
        return record.points >= PROOF and now - record.others_answered_at <= KEPT_SECONDS

    def answered(self, account: str, model: str) -> None:
        """Take note of an answer: the model is well, and so is the account."""
        if not self._records:
            return
        now = time.monotonic()
        self._records.pop((account, model), None)
        for (where, _), record in self._records.items():
            if where == account:
                record.others_answered_at = now

    def is_suspected(self, account: str, model: str | None = None) -> bool:
        """Whether a model failed lately and was not answered since; None for any."""
        since = time.monotonic() - KEPT_SECONDS
        return any(
            where == account and model in {None, name} and record.failed_at >= since
            for (where, name), record in self._records.items()
        )
