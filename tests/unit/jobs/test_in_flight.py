"""The jobs that a worker holds."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest

from rerankq.contract import MAX_HINT_JOBS
from rerankq.ledger.leases import Lease
from rerankq_worker.jobs.in_flight import MOST_UNWRITTEN, InFlightJobs

T = TypeVar("T")


def lease(job_id: str, token: int = 1) -> Lease:
    return Lease(job_id=job_id, token=token, attempts=0, waited_seconds=0.0, payload=b"")


def run(scenario: Coroutine[Any, Any, T]) -> T:
    async def bounded() -> T:
        async with asyncio.timeout(10):
            return await scenario

    return asyncio.run(bounded())


def working() -> asyncio.Task[None]:
    async def for_ever() -> None:
        await asyncio.Event().wait()

    return asyncio.create_task(for_ever())


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def test_removed_job_is_no_longer_held() -> None:
    """A job is held from its addition to its removal."""

    async def scenario() -> None:
        in_flight, task = InFlightJobs(5), working()
        in_flight.add(lease("a"), task)
        assert in_flight.leases() == [lease("a")]
        in_flight.remove([lease("a"), lease("never held")])
        assert in_flight.leases() == []
        task.cancel()

    run(scenario())


def test_older_token_removes_nothing() -> None:
    """A job that is held under a newer token stays if its older lease is removed."""

    async def scenario() -> None:
        in_flight, task = InFlightJobs(5), working()
        in_flight.add(lease("a", token=2), task)
        in_flight.remove([lease("a", token=1)])
        assert in_flight.leases() == [lease("a", token=2)]
        task.cancel()

    run(scenario())


def test_abandoned_work_is_stopped() -> None:
    """Work under a lost lease is cancelled and removed, and its lease is returned."""

    async def scenario() -> None:
        in_flight, lost, kept = InFlightJobs(5), working(), working()
        in_flight.add(lease("lost"), lost)
        in_flight.add(lease("kept"), kept)
        assert in_flight.abandon([lease("lost"), lease("unknown")]) == [lease("lost")]
        with pytest.raises(asyncio.CancelledError):
            await lost
        assert in_flight.leases() == [lease("kept")]
        assert not kept.done()
        kept.cancel()

    run(scenario())


def test_a_job_that_came_back_is_not_abandoned_for_its_older_lease() -> None:
    """A lost lease stops only its own work; the same job under a newer lease goes on."""

    async def scenario() -> None:
        in_flight, old, new = InFlightJobs(5), working(), working()
        in_flight.add(lease("a", token=1), old)
        in_flight.add(lease("a", token=2), new)
        assert in_flight.abandon([lease("a", token=1)]) == []
        await settle()
        assert old.cancelled()
        assert not new.done()
        assert in_flight.leases() == [lease("a", token=2)]
        new.cancel()

    run(scenario())


def test_finished_work_is_not_abandoned() -> None:
    """A job whose work is done stays held until its outcome is written."""

    async def scenario() -> None:
        in_flight = InFlightJobs(5)
        done = asyncio.create_task(asyncio.sleep(0))
        await done
        in_flight.add(lease("a"), done)
        assert in_flight.abandon([lease("a")]) == []
        assert in_flight.leases() == [lease("a")]

    run(scenario())


def test_interrupted_jobs_stay_held() -> None:
    """An interrupt stops all work, and keeps the leases until the jobs are given back."""

    async def scenario() -> None:
        in_flight, tasks = InFlightJobs(5), [working(), working()]
        for number, task in enumerate(tasks):
            in_flight.add(lease(str(number)), task)
        assert [each.job_id for each in in_flight.interrupt()] == ["0", "1"]
        await asyncio.gather(*tasks, return_exceptions=True)
        assert all(task.cancelled() for task in tasks)
        assert len(in_flight.leases()) == 2

    run(scenario())


@pytest.mark.parametrize("release", ["remove", "abandon"])
def test_free_capacity_is_waited_for(release: str) -> None:
    """At the limit there is no free capacity until a job is released."""

    async def scenario() -> None:
        in_flight, task = InFlightJobs(1), working()
        assert in_flight.free_capacity(None)
        in_flight.add(lease("a"), task)
        assert not in_flight.free_capacity(None)
        notified = asyncio.create_task(in_flight.notified())
        await settle()
        assert not notified.done()
        if release == "remove":
            in_flight.remove([lease("a")])
        else:
            in_flight.abandon([lease("a")])
        await notified
        assert in_flight.free_capacity(None)
        task.cancel()

    run(scenario())


@pytest.mark.parametrize(
    ("capacity", "free_capacity"), [(None, MAX_HINT_JOBS), (0, 0), (1, 0), (4, 3), (20, 9)]
)
def test_free_capacity_is_bounded_by_the_upstream(capacity: int | None, free_capacity: int) -> None:
    """A message's jobs are all claimed, or as many as the upstream has capacity for."""

    async def scenario() -> None:
        in_flight, task = InFlightJobs(10), working()
        in_flight.add(lease("a"), task)
        assert in_flight.free_capacity(capacity) == free_capacity
        task.cancel()

    run(scenario())


@pytest.mark.parametrize(
    ("at_work", "capacity", "free_capacity"),
    [(0, None, 110), (0, 4, 4), (99, None, 11), (105, None, 5), (106, None, 0), (125, None, 0)],
)
def test_few_jobs_are_claimed_ahead_while_tenants_share_a_lane(
    at_work: int, capacity: int | None, free_capacity: int
) -> None:
    """Jobs of tenants are claimed a few at a time, and a few ahead: the others' turn comes soon."""

    async def scenario() -> None:
        in_flight, task = InFlightJobs(125, 110), working()
        for n in range(at_work):
            in_flight.add(lease(str(n)), task)
        assert in_flight.free_capacity(capacity, is_shared=True) == free_capacity
        task.cancel()

    run(scenario())


def test_who_waits_is_notified_when_tenants_jobs_can_be_claimed() -> None:
    """While tenants share a lane, a claim is due as soon as a few jobs can be claimed."""

    async def scenario() -> None:
        in_flight, tasks = InFlightJobs(50, 44), [working() for _ in range(44)]
        for n, task in enumerate(tasks):
            in_flight.add(lease(str(n)), task)
        done = iter(tasks)
        while not in_flight.free_capacity(None, is_shared=True):
            notified = asyncio.create_task(in_flight.notified())
            await settle()
            next(done).cancel()
            await settle()
            assert notified.done() or not in_flight.free_capacity(None, is_shared=True)
            notified.cancel()
        assert in_flight.free_capacity(None, is_shared=True) == 2
        for task in tasks:
            task.cancel()

    run(scenario())


def test_job_that_only_waits_to_be_written_takes_no_capacity() -> None:
    """A job whose work is done frees capacity at once, although its end is written later."""

    async def scenario() -> None:
        in_flight, at_work, done = InFlightJobs(5), working(), working()
        for name in "abcd":
            in_flight.add(lease(name), at_work)
        in_flight.add(lease("e"), done)
        assert not in_flight.free_capacity(None)
        notified = asyncio.create_task(in_flight.notified())
        await settle()
        done.cancel()
        await notified
        assert in_flight.free_capacity(None)
        assert len(in_flight.leases()) == 5
        at_work.cancel()

    run(scenario())


@pytest.mark.parametrize("limit", [1, 2 * MOST_UNWRITTEN])
@pytest.mark.parametrize("capacity", [None, 1000])
def test_unwritten_ends_are_bounded(limit: int, capacity: int | None) -> None:
    """While ends cannot be written, a bounded number of jobs is claimed: results take memory."""

    async def scenario() -> None:
        in_flight, done = InFlightJobs(limit), working()
        done.cancel()
        await settle()
        count = 0
        while in_flight.free_capacity(capacity):
            in_flight.add(lease(str(count)), done)
            await settle()
            count += 1
        assert count == max(limit, MOST_UNWRITTEN)
        in_flight.remove([lease("0")])
        assert in_flight.free_capacity(capacity)

    run(scenario())


def test_emptied_waits_for_the_last() -> None:
    """`emptied` returns when the last job is removed, and not before."""

    async def scenario() -> None:
        in_flight, task = InFlightJobs(1), working()
        for name in ("a", "b"):
            in_flight.add(lease(name), task)
        emptied = asyncio.create_task(in_flight.emptied())
        in_flight.remove([lease("a")])
        await settle()
        assert not emptied.done()
        in_flight.remove([lease("b")])
        await emptied
        task.cancel()

    run(scenario())
