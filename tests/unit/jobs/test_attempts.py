"""What must be certain before a call begins, and what is put back if no call begins."""

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
from rerankq_worker.jobs import certain_leases
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
    """A ledger in which other workers hold some jobs; a renewal waits until the test lets it go."""

    def __init__(self, *lost: str) -> None:
        self._lost = set(lost)
        self.asked: list[str] = []
        self.is_away = False
        self.is_asked = asyncio.Event()
        self.answers = asyncio.Event()
        self.answers.set()

    async def renew(self, leases: Sequence[Lease]) -> set[str]:
        """The lost ones."""
        self.asked += [each.job_id for each in leases]
        self.is_asked.set()
        if self.is_away:
            raise LedgerUnavailable("Redis is away")
        await self.answers.wait()
        return self._lost & {each.job_id for each in leases}


class Worker:
    """Attempts at jobs, with a network of fakes."""

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
        """Work on a job whose claim was sent `claimed_ago` seconds ago."""
        claimed_at = time.monotonic() - claimed_ago
        task = asyncio.create_task(self.attempts.work(lease, claimed_at, self.tally))
        self.in_flight.add(lease, task)
        return task

    @property
    def calls(self) -> list[str]:
        """The jobs for which a call was made."""
        return [call.job_id for call in self.network.providers["a"].calls]


def lease_of(job_id: str) -> Lease:
    return Lease(job_id, 1, 0, 0.0, Job(id=job_id, request=asking()).encode())


@pytest.mark.parametrize("order", ["a renewal before it was held", "a renewal of others"])
def test_renewals_of_other_leases_do_not_confirm_a_lease(order: str) -> None:
    """If a lease may have expired, the ledger is asked, even after renewals of other leases."""

    async def scenario() -> None:
        worker = Worker("late")
        worker.network.hear("a", permits=5)
        others, late = lease_of("other"), lease_of("late")
        if order == "a renewal before it was held":
            worker.in_flight.renewed([others, late], time.monotonic() - 1)
        work = worker.work(late, claimed_ago=LEASE_SECONDS + 0.5)
        if order == "a renewal of others":
            worker.in_flight.renewed([others], time.monotonic())
        await work
        assert (worker.leases.asked, worker.calls) == (["late"], [])
        assert worker.tally == Counter(abandoned=1)

    asyncio.run(asyncio.wait_for(scenario(), 20))


def test_a_renewal_that_covered_a_lease_is_enough() -> None:
    """If a lease was renewed since its claim, the ledger is not asked before the call."""

    async def scenario() -> None:
        worker = Worker("a")
        worker.network.hear("a", permits=5)
        lease = lease_of("a")
        work = worker.work(lease, claimed_ago=LEASE_SECONDS + 0.5)
        worker.in_flight.renewed([lease], time.monotonic() - 1)
        await work
        assert (worker.leases.asked, worker.calls) == ([], ["a"])

    asyncio.run(asyncio.wait_for(scenario(), 20))


def test_no_call_begins_under_a_lease_from_before_an_outage() -> None:
    """After an outage Redis may have lost a claim, so it is asked before the call."""

    async def scenario() -> None:
        worker = Worker("forgotten")
        forgotten, idle = lease_of("forgotten"), asyncio.Event()
        worker.in_flight.add(lease_of("other"), asyncio.create_task(_wait_for(idle)))
        worker.leases.is_away = True
        interval = 0.01
        keeping = asyncio.create_task(
            keep_leases(worker.leases, worker.in_flight, lease_seconds=interval * RENEWALS_A_LEASE)
        )
        claimed_at = time.monotonic()
        await worker.leases.is_asked.wait()
        await asyncio.sleep(0)
        keeping.cancel()
        worker.leases.asked.clear()
        worker.leases.is_away = False
        worker.network.hear("a", permits=5)
        await worker.work(forgotten, claimed_ago=time.monotonic() - claimed_at)
        assert (worker.leases.asked, worker.calls) == (["forgotten"], [])
        later = lease_of("later")
        await worker.work(later, claimed_ago=0)
        assert worker.calls == ["later"], "a claim that was made since is certain"
        idle.set()

    asyncio.run(asyncio.wait_for(scenario(), 20))


async def _wait_for(event: asyncio.Event) -> None:
    await event.wait()


@pytest.mark.parametrize("end", ["lost", "cancelled"])
def test_permit_and_probe_of_a_call_that_is_not_made_go_back(end: str) -> None:
    """If a lease is lost, or work is cancelled before its call, the next job gets them."""

    async def scenario() -> None:
        worker = Worker("first")
        parked, dark = (key_breaker("a", Key(name).id) for name in ("a1", "a2"))
        worker.network.hear("a", permits=1, tripped={parked: due_breaker(), dark: breaker()})
        worker.leases.answers.clear()
        work = worker.work(lease_of("first"), claimed_ago=LEASE_SECONDS + 0.5)
        await worker.leases.is_asked.wait()
        if end == "cancelled":
            work.cancel()
        worker.leases.answers.set()
        await asyncio.gather(work, return_exceptions=True)
        permits = worker.network.permits["a"]
        assert (permits.in_flight, permits.ready, worker.calls) == (0, True, [])
        assert worker.network.routes.capacity() == 1
        await worker.work(lease_of("second"), claimed_ago=0)
        assert (worker.calls, worker.network.breakers.probed) == (["second"], [parked])
        assert worker.network.breakers.closed == [parked]
        told = permits.report(Demand(0, 0))
        assert (told.began, told.left) == (1, 0)

    asyncio.run(asyncio.wait_for(scenario(), 20))


def test_a_call_that_was_not_begun_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """If the lease expires before a provider sends, permit and turn go to the next job."""

    async def scenario() -> None:
        worker = Worker()
        worker.network.hear("a", permits=1)
        provider = worker.network.providers["a"]
        provider.answer = NotBegun()
        await worker.work(lease_of("first"), claimed_ago=0)
        permits = worker.network.permits["a"]
        assert (permits.in_flight, permits.ready, worker.tally) == (0, True, Counter(postponed=1))
        told = permits.report(Demand(0, 0))
        assert (told.began, told.left, told.trouble) == (0, 1, 0)
        may_begin = provider.calls[0].may_begin
        assert may_begin()
        later = time.monotonic() + LEASE_SECONDS
        monkeypatch.setattr(certain_leases, "time", SimpleNamespace(monotonic=lambda: later))
        assert not may_begin()

    asyncio.run(asyncio.wait_for(scenario(), 20))
