"""What has to be certain before a call begins, and what goes back where none does."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from types import SimpleNamespace

import pytest

from rerankq.accounts.breakers import key_breaker
from rerankq.contract import Job
from rerankq.errors import LedgerUnavailable
from rerankq.ledger.leases import Lease, Leases
from rerankq_worker.jobs import attempts
from rerankq_worker.jobs.attempts import Attempts
from rerankq_worker.jobs.completer import Completer
from rerankq_worker.jobs.in_flight import InFlightJobs
from rerankq_worker.jobs.lease_keeper import RENEWALS_A_LEASE, keep_leases
from rerankq_worker.jobs.retry import RetryPolicy
from rerankq_worker.limits.permit import Demand
from rerankq_worker.upstream.errors import NotBegun
from rerankq_worker.upstream.sites import Key
from running.fake_limits import Network, asking, breaker, due_breaker

LEASE_SECONDS = 3.0


class AskedLeases(Leases):
    """A ledger in which some jobs are another worker's; a renewal waits until it is let go on."""

    def __init__(self, *lost: str) -> None:
        self._lost = set(lost)
        self.asked: list[str] = []
        self.is_away = False
        self.is_asked = asyncio.Event()
        self.answers = asyncio.Event()
        self.answers.set()

    async def renew(self, leases: Sequence[Lease]) -> set[str]:
        """Those that are lost."""
        self.asked += [each.job_id for each in leases]
        self.is_asked.set()
        if self.is_away:
            raise LedgerUnavailable("Redis is away")
        await self.answers.wait()
        return self._lost & {each.job_id for each in leases}


class Desk:
    """Attempts at jobs by a network of fakes, and what they leave behind."""

    def __init__(self, *lost: str) -> None:
        self.leases = AskedLeases(*lost)
        self.in_flight = InFlightJobs(10)
        self.network = Network(1, a={})
        self.tally: Counter[str] = Counter()
        completer = Completer(self.leases, self.in_flight, lease_seconds=LEASE_SECONDS)
        self.attempts = Attempts(
            leases=self.leases,
            in_flight=self.in_flight,
            completer=completer,
            routes=self.network.routes,
            policy=RetryPolicy(max_attempts=3, give_up_seconds=60),
            lease_seconds=LEASE_SECONDS,
        )

    def work(self, lease: Lease, *, claimed_ago: float) -> "asyncio.Task[None]":
        """Take a job whose claim was sent so many seconds ago, and work on it."""
        claimed_at = time.monotonic() - claimed_ago
        task = asyncio.create_task(self.attempts.work(lease, claimed_at, self.tally))
        self.in_flight.add(lease, task)
        return task

    @property
    def calls(self) -> list[str]:
        """The jobs that a call was made for."""
        return [call.job_id for call in self.network.providers["a"].calls]


def lease_of(job_id: str) -> Lease:
    return Lease(job_id, 1, 0, 0.0, Job(id=job_id, request=asking()).encode())


@pytest.mark.parametrize("order", ["a renewal before it was in hand", "a renewal of others"])
def test_a_renewal_that_did_not_cover_a_lease_proves_nothing_of_it(order: str) -> None:
    """Before a call whose lease may be over the ledger is asked, whatever was renewed of others."""

    async def scenario() -> None:
        desk = Desk("late")
        desk.network.hear("a", permits=5)
        others, late = lease_of("other"), lease_of("late")
        if order == "a renewal before it was in hand":
            desk.in_flight.renewed([others, late], time.monotonic() - 1)
        work = desk.work(late, claimed_ago=LEASE_SECONDS + 0.5)
        if order == "a renewal of others":
            desk.in_flight.renewed([others], time.monotonic())
        await work
        assert (desk.leases.asked, desk.calls) == (["late"], [])
        assert desk.tally == Counter(abandoned=1)

    asyncio.run(asyncio.wait_for(scenario(), 20))


def test_a_renewal_that_covered_a_lease_is_enough() -> None:
    """A lease that was renewed since its claim costs no question before the call."""

    async def scenario() -> None:
        desk = Desk("a")
        desk.network.hear("a", permits=5)
        lease = lease_of("a")
        work = desk.work(lease, claimed_ago=LEASE_SECONDS + 0.5)
        desk.in_flight.renewed([lease], time.monotonic() - 1)
        await work
        assert (desk.leases.asked, desk.calls) == ([], ["a"])

    asyncio.run(asyncio.wait_for(scenario(), 20))


def test_no_call_begins_under_a_lease_from_before_an_outage() -> None:
    """Redis may have lost a claim when it comes back: before a call it is asked, however young."""

    async def scenario() -> None:
        desk = Desk("forgotten")
        forgotten, idle = lease_of("forgotten"), asyncio.Event()
        desk.in_flight.add(lease_of("other"), asyncio.create_task(_wait_for(idle)))
        desk.leases.is_away = True
        interval = 0.01
        keeping = asyncio.create_task(
            keep_leases(desk.leases, desk.in_flight, lease_seconds=interval * RENEWALS_A_LEASE)
        )
        claimed_at = time.monotonic()
        await desk.leases.is_asked.wait()
        await asyncio.sleep(0)
        keeping.cancel()
        desk.leases.asked.clear()
        desk.leases.is_away = False
        desk.network.hear("a", permits=5)
        await desk.work(forgotten, claimed_ago=time.monotonic() - claimed_at)
        assert (desk.leases.asked, desk.calls) == (["forgotten"], [])
        later = lease_of("later")
        await desk.work(later, claimed_ago=0)
        assert desk.calls == ["later"], "a claim that was made since is certain"
        idle.set()

    asyncio.run(asyncio.wait_for(scenario(), 20))


async def _wait_for(event: asyncio.Event) -> None:
    await event.wait()


@pytest.mark.parametrize("end", ["lost", "cancelled"])
def test_permit_and_probe_of_a_call_that_is_not_made_go_back(end: str) -> None:
    """Where a lease is lost, or work cancelled before its call, the next job has them."""

    async def scenario() -> None:
        desk = Desk("first")
        parked, dark = (key_breaker("a", Key(name).id) for name in ("a1", "a2"))
        desk.network.hear("a", permits=1, tripped={parked: due_breaker(), dark: breaker()})
        desk.leases.answers.clear()
        work = desk.work(lease_of("first"), claimed_ago=LEASE_SECONDS + 0.5)
        await desk.leases.is_asked.wait()
        if end == "cancelled":
            work.cancel()
        desk.leases.answers.set()
        await asyncio.gather(work, return_exceptions=True)
        permits = desk.network.permits["a"]
        assert (permits.in_flight, permits.ready, desk.calls) == (0, True, [])
        assert desk.network.routes.capacity() == 1
        await desk.work(lease_of("second"), claimed_ago=0)
        assert (desk.calls, desk.network.breakers.probed) == (["second"], [parked])
        assert desk.network.breakers.closed == [parked]
        told = permits.report(Demand(0, 0))
        assert (told.began, told.left) == (1, 0)

    asyncio.run(asyncio.wait_for(scenario(), 20))


def test_a_call_that_was_not_begun_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A provider is told when a lease may be over; what it then leaves is for the next job."""

    async def scenario() -> None:
        desk = Desk()
        desk.network.hear("a", permits=1)
        provider = desk.network.providers["a"]
        provider.answer = NotBegun()
        await desk.work(lease_of("first"), claimed_ago=0)
        permits = desk.network.permits["a"]
        assert (permits.in_flight, permits.ready, desk.tally) == (0, True, Counter(postponed=1))
        told = permits.report(Demand(0, 0))
        assert (told.began, told.left, told.trouble) == (0, 1, 0)
        may_begin = provider.calls[0].may_begin
        assert may_begin()
        later = time.monotonic() + LEASE_SECONDS
        monkeypatch.setattr(attempts, "time", SimpleNamespace(monotonic=lambda: later))
        assert not may_begin()

    asyncio.run(asyncio.wait_for(scenario(), 20))
