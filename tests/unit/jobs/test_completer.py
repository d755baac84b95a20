"""What the writer does about an outcome that the ledger will not take."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import pytest

from rerankq.contract import JobState
from rerankq.errors import LedgerRefusal, LedgerUnavailable
from rerankq.events import (
    Events,
    JobFailed,
    JobRef,
    LedgerCallFailed,
    LedgerOperation,
    OutcomeDropped,
    OutcomeRefused,
)
from rerankq.ledger.leases import Finish, Lease, Leases, Postponement
from rerankq_worker.jobs import completer as result_writer
from rerankq_worker.jobs.completer import MOST_TOGETHER, Completer
from rerankq_worker.jobs.in_flight import InFlightJobs
from running.heard import heard


class ChoosyLeases(Leases):
    """Takes ends but those of the jobs named, as often as the test says."""

    def __init__(self, error: LedgerUnavailable, *refused: str, times: int) -> None:
        self._error = error
        self._refused = refused
        self._times = times
        self.finished: list[str] = []
        self.calls: list[int] = []

    async def finish(self, finishes: Sequence[Finish]) -> list[bool]:
        """Refuse whatever comes with a job that is refused."""
        names = [each.lease.job_id for each in finishes]
        if self._times and set(names) & set(self._refused):
            self._times -= 1
            raise self._error
        self.finished += names
        self.calls.append(len(names))
        return [True] * len(names)

    async def postpone(self, postponements: Sequence[Postponement]) -> list[bool]:
        """Nothing is postponed here."""
        raise AssertionError(postponements)


def told(name: str) -> JobFailed:
    """The event of an end that a test hands over; of which kind it is does not matter."""
    return JobFailed(job=JobRef(name), attempts=1, reason="r", status=None)


class Desk:
    """A writer, with the jobs whose ends it is given."""

    def __init__(
        self, leases: ChoosyLeases, *, lease_seconds: float = 60, gather_seconds: float = 0
    ) -> None:
        self.leases = leases
        self.in_flight = InFlightJobs(100)
        self.events = Events()
        self.heard = heard(self.events)
        self.completer = Completer(
            leases,
            self.in_flight,
            lease_seconds=lease_seconds,
            gather_seconds=gather_seconds,
            events=self.events,
        )

    async def write(self, *names: str) -> None:
        """Hand over an end of each job, and wait until none is held."""
        self.hand_over(*names)
        writing = asyncio.create_task(self.completer.run())
        await self.in_flight.emptied()
        writing.cancel()

    def hand_over(self, *names: str) -> None:
        """Hand over an end of each job."""
        work = asyncio.create_task(asyncio.sleep(0))
        for name in names:
            lease = Lease(name, 1, 0, 0.0, b"")
            self.in_flight.add(lease, work)
            self.completer.put(Finish(lease, 1, JobState.SUCCEEDED, b""), told(name))


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(result_writer, "RETRY_SECONDS", 0.001)


def run(scenario: Callable[[], Coroutine[Any, Any, None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(20):
            await scenario()

    asyncio.run(bounded())


def test_refused_outcome_is_offered_again() -> None:
    """An end that the ledger refuses is kept for a lease: what it stumbles over may be mended."""

    async def scenario() -> None:
        desk = Desk(ChoosyLeases(LedgerRefusal("no"), "damaged", times=5))
        await desk.write("before", "damaged", "behind")
        # The others do not wait for it.
        assert desk.leases.finished == ["before", "behind", "damaged"]
        assert desk.heard == [told("before"), told("behind"), told("damaged")]

    run(scenario)


def test_outcome_refused_for_a_lease_is_dropped() -> None:
    """An end that is refused for as long as the lease lasts is let go, and said to be so."""

    async def scenario() -> None:
        desk = Desk(ChoosyLeases(LedgerRefusal("no"), "damaged", times=10_000), lease_seconds=0.1)
        await desk.write("before", "damaged", "behind")
        assert desk.leases.finished == ["before", "behind"]
        dropped = OutcomeDropped(job=JobRef("damaged"), message="no")
        assert desk.heard == [told("before"), told("behind"), dropped]

    run(scenario)


def test_outcome_waits_for_redis() -> None:
    """However long Redis takes nothing, no end is dropped for that."""

    async def scenario() -> None:
        error = LedgerUnavailable("not now")
        desk = Desk(ChoosyLeases(error, "paid", times=50), lease_seconds=0)
        await desk.write("paid")
        assert desk.leases.finished == ["paid"]
        *waits, last = desk.heard
        write = LedgerOperation.WRITE
        assert waits == 50 * [LedgerCallFailed(operation=write, jobs=1, message="not now")]
        assert last == told("paid")

    run(scenario)


@pytest.mark.parametrize("repeated", [True, False])
def test_an_end_that_the_ledger_did_not_take_is_not_told_as_one(repeated: bool) -> None:  # noqa: FBT001
    """What another worker ended is said to be refused, and whether it may be this very end."""

    class LostLeases(ChoosyLeases):
        async def finish(self, finishes: Sequence[Finish]) -> list[bool]:
            """Somebody has ended them."""
            return [False for _ in await super().finish(finishes)]

    async def scenario() -> None:
        error = LedgerUnavailable("no answer", uncertain=True)
        desk = Desk(LostLeases(error, "lost", times=int(repeated)))
        await desk.write("lost")
        assert desk.heard[-1] == OutcomeRefused(job=JobRef("lost"), repeated=repeated)
        assert told("lost") not in desk.heard

    run(scenario)


@pytest.mark.parametrize("hurried", [True, False])
def test_ends_gather_behind_the_first(hurried: bool) -> None:  # noqa: FBT001
    """The first end of a moment is written at once, others together; a drain lets none wait."""

    async def scenario() -> None:
        leases = ChoosyLeases(LedgerRefusal("no"), times=0)
        desk = Desk(leases, gather_seconds=3600 if hurried else 1)
        writing = asyncio.create_task(desk.completer.run())
        desk.hand_over("first")
        await desk.in_flight.emptied()
        if hurried:
            desk.completer.hasten()
        for name in ("second", "third"):
            desk.hand_over(name)
            await asyncio.sleep(0)
        await desk.in_flight.emptied()
        assert leases.calls == ([1, 1, 1] if hurried else [1, 2])
        writing.cancel()

    run(scenario)


def test_full_call_does_not_wait() -> None:
    """What fills a call is written at once: nothing more would go with it."""

    async def scenario() -> None:
        leases = ChoosyLeases(LedgerRefusal("no"), times=0)
        desk = Desk(leases, gather_seconds=3600)
        await desk.write("first")
        await desk.write(*map(str, range(MOST_TOGETHER)))
        assert leases.calls == [1, MOST_TOGETHER]

    run(scenario)
