"""A clock that stands still."""

import pytest

from running.fake_limits import Clock


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of all modules that limit calls."""
    made = Clock()
    for name in ("permits", "exchange", "breaker_view", "outlier_detection"):
        monkeypatch.setattr(f"rerankq_worker.limits.{name}.time", made)
    return made
