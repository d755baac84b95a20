"""What the writer does about an outcome that the ledger will not take."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import pytest

from rerankq.contract import JobState
from rerankq.errors import LedgerRefusal, LedgerUnavailable
from rerankq.ledger.leases import Finish, Lease, Leases, Postponement
from rerankq_worker import result_writer
from rerankq_worker.holdings import Holdings
from rerankq_worker.result_writer import ResultWriter


class ChoosyLeases(Leases):
    """Takes ends but those of the jobs named, as often as the test says."""

    def __init__(self, error: LedgerUnavailable, *refused: str, times: int) -> None:
        self._error = error
        self._refused = refused
        self._times = times
        self.finished: list[str] = []

    async def finish(self, finishes: Sequence[Finish]) -> list[bool]:
        """Refuse whatever comes with a job that is refused."""
        names = [each.lease.job_id for each in finishes]
        if self._times and set(names) & set(self._refused):
            self._times -= 1
            raise self._error
        self.finished += names
        return [True] * len(names)

    async def postpone(self, postponements: Sequence[Postponement]) -> list[bool]:
        """Nothing is postponed here."""
        raise AssertionError(postponements)


class Desk:
    """A writer, with the jobs whose ends it is given."""

    def __init__(self, leases: ChoosyLeases, *, lease_seconds: float = 60) -> None:
        self.leases = leases
        self.holdings = Holdings(100)
        self._writer = ResultWriter(leases, self.holdings, lease_seconds=lease_seconds)

    async def write(self, *names: str) -> None:
        """Hand over an end of each job, and wait until none is held."""
        work = asyncio.create_task(asyncio.sleep(0))
        for name in names:
            lease = Lease(name, 1, 0, 0.0, b"")
            self.holdings.add(lease, work)
            self._writer.put(Finish(lease, 1, JobState.SUCCEEDED, b""))
        writing = asyncio.create_task(self._writer.run())
        await self.holdings.emptied()
        writing.cancel()


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(result_writer, "RETRY_SECONDS", 0.001)


def run(scenario: Callable[[], Coroutine[Any, Any, None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(20):
            await scenario()

    asyncio.run(bounded())


def test_refused_outcome_is_offered_again(caplog: pytest.LogCaptureFixture) -> None:
    """An end that the ledger refuses is kept for a lease: what it stumbles over may be mended."""

    async def scenario() -> None:
        desk = Desk(ChoosyLeases(LedgerRefusal("no"), "damaged", times=5))
        await desk.write("before", "damaged", "behind")
        # The others do not wait for it.
        assert desk.leases.finished == ["before", "behind", "damaged"]

    run(scenario)
    assert "dropped" not in caplog.text


def test_outcome_refused_for_a_lease_is_dropped(caplog: pytest.LogCaptureFixture) -> None:
    """An end that is refused for as long as the lease lasts is let go, and the log says so."""

    async def scenario() -> None:
        desk = Desk(ChoosyLeases(LedgerRefusal("no"), "damaged", times=10_000), lease_seconds=0.1)
        await desk.write("before", "damaged", "behind")
        assert desk.leases.finished == ["before", "behind"]

    with caplog.at_level(logging.CRITICAL):
        run(scenario)
    assert [each.message for each in caplog.records] == ["an outcome was dropped: no"]


def test_outcome_waits_for_redis(caplog: pytest.LogCaptureFixture) -> None:
    """However long Redis takes nothing, no end is dropped for that."""

    async def scenario() -> None:
        error = LedgerUnavailable("not now")
        desk = Desk(ChoosyLeases(error, "paid", times=50), lease_seconds=0)
        await desk.write("paid")
        assert desk.leases.finished == ["paid"]

    run(scenario)
    assert "dropped" not in caplog.text
