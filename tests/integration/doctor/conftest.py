"""The checks of `rerankq doctor`, one by one."""

from pathlib import Path

import pytest

from running.examined import Doctor


@pytest.fixture
def doctor(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, redis_url: str) -> Doctor:
    """Checks on an empty Redis, with no other setting."""
    folder = tmp_path / "current"
    folder.mkdir()
    return Doctor(monkeypatch, folder, redis_url)
