"""A worker that replaces itself, and the outcomes that it has not written yet."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from rerankq.contract import JobState
from rerankq.errors import LedgerUnavailable
from rerankq.events import Events, JobRef, JobReleased, WorkerRestarting
from rerankq.ledger.leases import Finish, Lease, Leases, Postponement
from rerankq_worker.jobs import completer as result_writer
from rerankq_worker.jobs.completer import Completer, HandedOver
from rerankq_worker.jobs.in_flight import InFlightJobs
from rerankq_worker.jobs.last_write import write_out
from rerankq_worker.process.heartbeats import Heartbeats
from rerankq_worker.process.restart import Restart
from rerankq_worker.process.shutdown_deadline import CUT_SHORT
from running.heard import heard


class ReluctantLeases(Leases):
    """Refuses everything at first, then takes everything."""

    def __init__(self, refusals: int = 0) -> None:
        self._refusals = refusals
        self.taken: list[str] = []
        self.renewed: list[str] = []

    async def finish(self, finishes: Sequence[Finish]) -> list[bool]:
        """Refuse `refusals` times, then take."""
        return self._take([each.lease.job_id for each in finishes])

    async def postpone(self, postponements: Sequence[Postponement]) -> list[bool]:
        """The same."""
        return self._take([each.lease.job_id for each in postponements])

    async def renew(self, leases: Sequence[Lease]) -> set[str]:
        """Keep the jobs whose leases were renewed."""
        self.renewed += [each.job_id for each in leases]
        return set()

    def _take(self, names: list[str]) -> list[bool]:
        if self._refusals:
            self._refusals -= 1
            raise LedgerUnavailable("Redis is out of memory")
        self.taken += names
        return [True] * len(names)


class Steps:
    """Keeps the order of a restart's steps."""

    def __init__(self, *, stop_asked: bool = False) -> None:
        self.done: list[str] = []
        events = Events()
        self.told = heard(events)
        self.restart = Restart(
            Heartbeats(stop_asked=stop_asked),
            drain=self._step("drained"),
            write_out=self._step("written"),
            events=events,
            replace=lambda: self.done.append("replaced"),
            leave=lambda code: self.done.append(f"left with {code}"),
        )

    def _step(self, name: str) -> Callable[[], Coroutine[Any, Any, None]]:
        async def step() -> None:
            self.done.append(name)

        return step


def finish(name: str) -> Finish:
    return Finish(Lease(name, 1, 0, 0.0, b""), 1, JobState.SUCCEEDED, b"")


def postponement(name: str) -> Postponement:
    return Postponement(Lease(name, 1, 0, 0.0, b""), 0, 0.0)


def run(scenario: Callable[[], Coroutine[Any, Any, None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(20):
            await scenario()

    asyncio.run(bounded())


def test_a_process_is_replaced_when_its_ends_are_written() -> None:
    """First calls in flight end, then all outcomes are written, then the process is replaced."""
    steps = Steps()
    run(lambda: steps.restart.in_order("it hangs"))
    assert steps.done == ["drained", "written", "replaced"]
    assert steps.told == [WorkerRestarting(reason="it hangs", may_finish=True)]


def test_a_blocked_loop_costs_no_end() -> None:
    """If the event loop is blocked, another thread writes the outcomes, and only once."""
    steps = Steps()
    threads = [threading.Thread(target=steps.restart.at_once, args=["blocked"]) for _ in range(2)]

    async def scenario() -> None:
        for thread in threads:
            thread.start()
        # On the loop, which is blocked until both are done.
        for thread in threads:
            thread.join(10)

    run(scenario)
    assert steps.done == ["written", "replaced"]
    assert steps.told == [WorkerRestarting(reason="blocked", may_finish=False)]


def test_a_process_that_was_asked_to_end_is_not_replaced() -> None:
    """It writes its outcomes, and ends with the exit code for a cut-short shutdown."""
    steps = Steps(stop_asked=True)
    steps.restart.at_once("the loop is blocked")
    assert steps.done == ["written", f"left with {CUT_SHORT}"]


@pytest.mark.parametrize("refusals", [0, 3], ids=["taken", "refused at first"])
def test_the_last_write_waits_until_redis_takes_it(
    monkeypatch: pytest.MonkeyPatch, refusals: int
) -> None:
    """Outcomes are offered until the ledger takes them, and their leases are renewed meanwhile."""
    monkeypatch.setattr(result_writer, "RETRY_SECONDS", 0.05)
    ledger = ReluctantLeases(refusals)
    events = Events()
    told = heard(events, JobReleased)
    outcomes: list[HandedOver] = [
        *((finish(name), JobReleased(job=JobRef(name))) for name in "ab"),
        (postponement("c"), None),
    ]

    @asynccontextmanager
    async def opened() -> AsyncIterator[Leases]:
        yield ledger

    run(lambda: write_out(outcomes, opened, lease_seconds=0.1, events=events))
    assert sorted(ledger.taken) == ["a", "b", "c"]
    assert told == [JobReleased(job=JobRef(name)) for name in "ab"]
    assert bool(ledger.renewed) == bool(refusals)


def test_an_outcome_that_cannot_be_written_stops_no_other() -> None:
    """If one outcome makes the writing fail, the others are written, and the writing ends."""
    ledger = ReluctantLeases()

    class Brittle(ReluctantLeases):
        async def finish(self, finishes: Sequence[Finish]) -> list[bool]:
            if any(each.lease.job_id == "odd" for each in finishes):
                raise RuntimeError("CANARY")
            return await ledger.finish(finishes)

    @asynccontextmanager
    async def opened() -> AsyncIterator[Leases]:
        yield Brittle()

    outcomes: list[HandedOver] = [(finish(name), None) for name in ("a", "odd", "b")]
    run(lambda: write_out(outcomes, opened, lease_seconds=10, events=Events()))
    assert ledger.taken == ["a", "b"]


def test_an_end_counts_as_unwritten_until_the_ledger_has_it() -> None:
    """An outcome that is being written counts as unwritten, so a restart does not forget it."""

    async def scenario() -> None:
        ledger = ReluctantLeases(refusals=1)
        in_flight = InFlightJobs(10)
        completer = Completer(ledger, in_flight, lease_seconds=60)
        end = finish("a")
        in_flight.add(end.lease, asyncio.create_task(asyncio.sleep(0)))
        completer.put(end)
        writing = asyncio.create_task(completer.run())
        for _ in range(5):
            await asyncio.sleep(0)
        assert completer.unwritten() == [(end, None)]
        await in_flight.emptied()
        assert completer.unwritten() == []
        writing.cancel()

    run(scenario)
