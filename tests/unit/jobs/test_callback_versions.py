"""Workers of older versions are told of."""

import asyncio

import pytest

from rerankq.errors import LedgerUnavailable
from rerankq.events import Events, WorkerOutdated
from rerankq_worker.jobs import callback_versions
from rerankq_worker.jobs.callback_versions import watch_versions
from running.heard import heard


class Seen:
    """The workers of a ledger, as they are seen at each look; then it is cancelled."""

    def __init__(self, *looks: tuple[str, ...] | None) -> None:
        self._looks = list(looks)
        self.noted: list[str] = []

    async def note(self, worker: str) -> None:
        """Note it."""
        if not self._looks:
            raise asyncio.CancelledError
        self.noted.append(worker)

    async def outdated(self) -> tuple[str, ...]:
        """Those of this look."""
        found = self._looks.pop(0)
        if found is None:
            raise LedgerUnavailable("no answer")
        return found


def test_an_older_worker_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is seen twice is told, once; one that has said so by the second look is not."""
    monkeypatch.setattr(callback_versions, "SOON_SECONDS", 0.0)
    monkeypatch.setattr(callback_versions, "LOOK_SECONDS", 0.0)
    events = Events()
    told = heard(events)
    seen = Seen(("old", "new"), None, ("old",), ("old", "older"), ("older",))
    with pytest.raises(asyncio.CancelledError):
        # The real one has these methods.
        asyncio.run(watch_versions(seen, "me", events))  # type: ignore[arg-type]
    assert told == [WorkerOutdated(worker="old"), WorkerOutdated(worker="older")]
    assert seen.noted == ["me"] * 5
