"""What the completer does with an outcome that the ledger does not take."""

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
    """Takes all ends except those of the named jobs, which it refuses `times` times."""

    def __init__(self, error: LedgerUnavailable, *refused: str, times: int) -> None:
        self._error = error
        self._refused = refused
        self._times = times
        self.finished: list[str] = []
        self.calls: list[int] = []

    async def finish(self, finishes: Sequence[Finish]) -> list[bool]:
        """Refuse a call that contains a refused job."""
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
    """The event of an end; its kind does not matter."""
    return JobFailed(job=JobRef(name), attempts=1, reason="r", status=None)


class Worker:
    """A completer, with the jobs whose ends it gets."""

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
    """An end that the ledger refuses is offered for the length of a lease: the cause may pass."""

    async def scenario() -> None:
        worker = Worker(ChoosyLeases(LedgerRefusal("no"), "damaged", times=5))
        await worker.write("before", "damaged", "behind")
        # The others do not wait for it.
        assert worker.leases.finished == ["before", "behind", "damaged"]
        assert worker.heard == [told("before"), told("behind"), told("damaged")]

    run(scenario)


def test_outcome_refused_for_a_lease_is_dropped() -> None:
    """An end that is refused for the length of a lease is dropped, and an event says so."""

    async def scenario() -> None:
        worker = Worker(
            ChoosyLeases(LedgerRefusal("no"), "damaged", times=10_000), lease_seconds=0.1
        )
        await worker.write("before", "damaged", "behind")
        assert worker.leases.finished == ["before", "behind"]
        dropped = OutcomeDropped(job=JobRef("damaged"), message="no")
        assert worker.heard == [told("before"), told("behind"), dropped]

    run(scenario)


def test_outcome_waits_for_redis() -> None:
    """No end is dropped because Redis is away, however long that lasts."""

    async def scenario() -> None:
        error = LedgerUnavailable("not now")
        worker = Worker(ChoosyLeases(error, "paid", times=50), lease_seconds=0)
        await worker.write("paid")
        assert worker.leases.finished == ["paid"]
        *waits, last = worker.heard
        write = LedgerOperation.WRITE
        assert waits == 50 * [LedgerCallFailed(operation=write, jobs=1, message="not now")]
        assert last == told("paid")

    run(scenario)


@pytest.mark.parametrize("repeated", [True, False])
def test_a_refused_end_sends_outcome_refused(repeated: bool) -> None:  # noqa: FBT001
    """OutcomeRefused is told, and whether an earlier write of the same end may be the cause."""

    class LostLeases(ChoosyLeases):
        async def finish(self, finishes: Sequence[Finish]) -> list[bool]:
            """All jobs have ended already."""
            return [False for _ in await super().finish(finishes)]

    async def scenario() -> None:
        error = LedgerUnavailable("no answer", uncertain=True)
        worker = Worker(LostLeases(error, "lost", times=int(repeated)))
        await worker.write("lost")
        assert worker.heard[-1] == OutcomeRefused(job=JobRef("lost"), repeated=repeated)
        assert told("lost") not in worker.heard

    run(scenario)


@pytest.mark.parametrize("hurried", [True, False])
def test_ends_after_the_first_are_written_together(hurried: bool) -> None:  # noqa: FBT001
    """The first end is written at once, later ones together; in a drain none waits."""

    async def scenario() -> None:
        leases = ChoosyLeases(LedgerRefusal("no"), times=0)
        worker = Worker(leases, gather_seconds=3600 if hurried else 1)
        writing = asyncio.create_task(worker.completer.run())
        worker.hand_over("first")
        await worker.in_flight.emptied()
        if hurried:
            worker.completer.hasten()
        for name in ("second", "third"):
            worker.hand_over(name)
            await asyncio.sleep(0)
        await worker.in_flight.emptied()
        assert leases.calls == ([1, 1, 1] if hurried else [1, 2])
        writing.cancel()

    run(scenario)


def test_full_call_does_not_wait() -> None:
    """A full call is written at once."""

    async def scenario() -> None:
        leases = ChoosyLeases(LedgerRefusal("no"), times=0)
        worker = Worker(leases, gather_seconds=3600)
        await worker.write("first")
        await worker.write(*map(str, range(MOST_TOGETHER)))
        assert leases.calls == [1, MOST_TOGETHER]

    run(scenario)
