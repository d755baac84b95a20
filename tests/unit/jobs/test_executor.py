"""How hints are served, and what a drain does while a claim is in flight."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import pytest

from rerankq.contract import Hint, Job, Lane, RerankRequest
from rerankq.errors import LedgerUnavailable
from rerankq.events import WorkerDrained, WorkerDraining
from rerankq.ledger.leases import Claim, Finish, Lease, Leases, Postponement
from rerankq_worker.jobs import completer as writing_results
from rerankq_worker.jobs import executor as executing
from rerankq_worker.jobs.attempts import Attempts
from rerankq_worker.jobs.completer import Completer
from rerankq_worker.jobs.executor import Executor
from rerankq_worker.jobs.in_flight import InFlightJobs
from rerankq_worker.jobs.retry import RetryPolicy
from running.fake_limits import Network

MODEL = "a-model"


class HeldUpLeases(Leases):
    """Gives a lease for every job when the test lets it; keeps what happens to the jobs."""

    def __init__(self) -> None:
        self.calls: list[list[str]] = []
        self.answers = asyncio.Event()
        self.unanswered = self.away_for = 0
        self.finished: list[str] = []
        self.given_back: list[str] = []

    async def claim(
        self, job_ids: Sequence[str], *, alone: bool = False, request: str | None = None
    ) -> Claim:
        """Leases for all, when the test lets it."""
        del alone, request
        self.calls.append([*job_ids])
        await self.answers.wait()
        return Claim([_lease(job_id) for job_id in job_ids], [])

    async def finish(self, finishes: Sequence[Finish]) -> list[bool]:
        """Keep the ids; the first calls get no answer, or fail because Redis is away."""
        if self.unanswered:
            self.unanswered -= 1
            await asyncio.Event().wait()
        if self.away_for:
            self.away_for -= 1
            raise LedgerUnavailable("Redis is away")
        self.finished += [each.lease.job_id for each in finishes]
        return [True] * len(finishes)

    async def postpone(self, postponements: Sequence[Postponement]) -> list[bool]:
        """Keep the ids."""
        self.given_back += [each.lease.job_id for each in postponements]
        return [True] * len(postponements)


class Worker:
    """An executor and its completer, with a held-up ledger and an upstream that answers at once."""

    def __init__(self, *, answers: bool = True) -> None:
        self.leases = HeldUpLeases()
        in_flight = InFlightJobs(100)
        self.completer = Completer(self.leases, in_flight, lease_seconds=60)
        self.network = network = Network(1, site={MODEL: MODEL})
        self.upstream = network.providers["site"]
        if answers:
            network.hear("site", permits=10)
        attempts = Attempts(
            leases=self.leases,
            in_flight=in_flight,
            completer=self.completer,
            routes=network.routes,
            policy=RetryPolicy(max_attempts=3, give_up_seconds=60),
            lease_seconds=60,
        )
        self.executor = Executor(
            leases=self.leases,
            in_flight=in_flight,
            completer=self.completer,
            routes=network.routes,
            attempts=attempts,
            events=network.events,
        )
        self.accepted: list[str] = []

    def serve(self, job_id: str) -> asyncio.Task[dict[str, int]]:
        """Begin to serve a hint that names one job."""
        hint = Hint(lane=Lane.BULK, job_ids=(job_id,))
        return asyncio.create_task(self.executor.serve(hint, lambda: self.accepted.append(job_id)))

    async def serve_until_written(self, job_id: str) -> None:
        """Serve a hint that names one job until its end is being written."""
        await self.serve(job_id)
        await settle()


def _lease(job_id: str) -> Lease:
    request = RerankRequest(model=MODEL, query="q", documents=("d",))
    return Lease(job_id, 1, 0, 0.0, Job(id=job_id, request=request).encode())


def run(scenario: Callable[[], Coroutine[Any, Any, None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(20):
            await scenario()

    asyncio.run(bounded())


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def stopped(worker: Worker, *hints: asyncio.Task[dict[str, int]]) -> None:
    """Cancel the hints as the pool does at SIGTERM; the next step is the drain."""
    for hint in hints:
        hint.cancel()
    await asyncio.gather(*hints, return_exceptions=True)
    assert worker.accepted == []


def test_a_worker_that_is_cut_off_keeps_no_job_of_a_hint() -> None:
    """The jobs of a hint go back at once: none waits here until the worker is well."""

    async def scenario() -> None:
        worker = Worker()
        writing = asyncio.create_task(worker.completer.run())
        worker.leases.answers.set()
        for _ in range(3):
            worker.network.permits["site"].isolation.failed("j", "proxy", began=0.0, lost=True)
        worker.network.hear("site", alone=True)
        assert not worker.executor.takes_more()
        named = tuple(f"job-{number}" for number in range(20))
        await worker.executor.serve(Hint(lane=Lane.BULK, job_ids=named), lambda: None)
        assert sorted(worker.leases.given_back) == sorted(named)
        writing.cancel()

    run(scenario)


def test_a_worker_that_claims_takes_no_more_messages() -> None:
    """While a claim is in flight or refused, the worker does not count as free for messages."""

    async def scenario() -> None:
        worker = Worker()
        writing = asyncio.create_task(worker.completer.run())
        assert worker.executor.takes_more()
        serving = worker.serve("claiming")
        await settle()
        assert not worker.executor.takes_more()
        worker.leases.answers.set()
        await serving
        assert worker.executor.takes_more()
        writing.cancel()

    run(scenario)


def test_hints_that_wait_are_claimed_together() -> None:
    """Jobs that come while a claim is in flight are claimed together by the next one, in order."""

    async def scenario() -> None:
        worker = Worker()
        writing = asyncio.create_task(worker.completer.run())
        hints = [worker.serve(name) for name in ("first", "second", "third", "fourth")]
        await settle()
        hints[2].cancel()
        worker.leases.answers.set()
        tallies = await asyncio.gather(*hints, return_exceptions=True)
        assert worker.leases.calls == [["first"], ["second", "fourth"]]
        assert worker.accepted == ["first", "second", "fourth"]
        assert [tallies[number] for number in (0, 1, 3)] == [{"succeeded": 1}] * 3
        writing.cancel()

    run(scenario)


def test_a_hint_is_accepted_when_its_jobs_are_held() -> None:
    """If another hint's turn claims its jobs, a hint is accepted only after that claim's answer."""

    async def scenario() -> None:
        worker = Worker()
        writing = asyncio.create_task(worker.completer.run())
        first = worker.serve("first")
        await settle()
        second, third = worker.serve("second"), worker.serve("third")
        await settle()
        answered, worker.leases.answers = worker.leases.answers, asyncio.Event()
        answered.set()
        await first
        await settle()
        second.cancel()
        await settle()
        assert worker.leases.calls[-1] == ["second", "third"]
        assert worker.accepted == ["first"]
        worker.leases.answers.set()
        assert await third == {"succeeded": 1}
        assert worker.accepted == ["first", "third"]
        writing.cancel()

    run(scenario)


def test_jobs_claimed_in_a_drain_are_given_back() -> None:
    """A claim in flight is finished, and its jobs are given back: a drain begins no call."""

    async def scenario() -> None:
        worker = Worker()
        writing = asyncio.create_task(worker.completer.run())
        hints = [worker.serve("claiming"), worker.serve("not begun")]
        await settle()
        await stopped(worker, *hints)
        drain = asyncio.create_task(worker.executor.drain(10))
        await settle()
        assert not drain.done()
        worker.leases.answers.set()
        await drain
        assert worker.leases.calls == [["claiming"]]
        assert worker.leases.given_back == ["claiming"]
        assert worker.upstream.calls == []
        writing.cancel()

    run(scenario)


def test_a_drain_begins_no_call() -> None:
    """A call in flight may end; a job that waits for its turn is given back at once."""

    async def scenario() -> None:
        worker = Worker()
        worker.leases.answers.set()
        worker.upstream.answers.clear()
        writing = asyncio.create_task(worker.completer.run())
        hints = [worker.serve(name) for name in ("called", "waiting")]
        await settle()
        drain = asyncio.create_task(worker.executor.drain(10))
        await settle()
        assert worker.leases.given_back == ["waiting"]
        assert WorkerDraining(calls=1, seconds=10) in worker.network.heard
        assert not drain.done()
        worker.upstream.answers.set()
        await drain
        assert worker.leases.finished == ["called"]
        assert len(worker.upstream.calls) == 1
        await asyncio.gather(*hints)
        writing.cancel()

    run(scenario)


def test_jobs_of_a_late_claim_are_given_back() -> None:
    """If a claim is answered after the drain, its jobs are given back at once."""

    async def scenario() -> None:
        worker = Worker(answers=False)
        writing = asyncio.create_task(worker.completer.run())
        hint = worker.serve("claiming")
        await settle()
        await stopped(worker, hint)
        worker.executor.hurry()
        drain = asyncio.create_task(worker.executor.drain(10))
        await settle()
        worker.leases.answers.set()
        await drain
        assert worker.leases.given_back == ["claiming"]
        writing.cancel()

    run(scenario)


def test_a_claim_without_an_answer_ends_with_the_drain(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker ends even if Redis does not answer a claim."""
    monkeypatch.setattr(executing, "HAND_BACK_SECONDS", 0.05)

    async def scenario() -> None:
        worker = Worker()
        hint = worker.serve("claiming")
        await settle()
        await stopped(worker, hint)
        await worker.executor.drain(0)
        assert worker.leases.finished == worker.leases.given_back == []

    run(scenario)


def test_a_write_without_an_answer_is_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A drain does not wait long on a connection that may be dead: it writes again."""
    monkeypatch.setattr(writing_results, "HASTY_ANSWER_SECONDS", 0.05)

    async def scenario() -> None:
        worker = Worker()
        worker.leases.unanswered = 2
        worker.leases.answers.set()
        writing = asyncio.create_task(worker.completer.run())
        await worker.serve_until_written("answered")
        await worker.executor.drain(10)
        assert worker.leases.finished == ["answered"]
        writing.cancel()

    run(scenario)


def test_a_drain_begins_while_redis_is_away() -> None:
    """An end that waits for Redis when the drain begins is written when Redis is back."""

    async def scenario() -> None:
        worker = Worker()
        worker.leases.away_for = 1
        worker.leases.answers.set()
        writing = asyncio.create_task(worker.completer.run())
        await worker.serve_until_written("answered")
        assert worker.leases.away_for == 0
        await worker.executor.drain(10)
        assert worker.leases.finished == ["answered"]
        writing.cancel()

    run(scenario)


@pytest.mark.parametrize("writes", [True, False], ids=["Redis answers", "Redis is silent"])
def test_the_end_of_a_drain_says_what_is_left(
    monkeypatch: pytest.MonkeyPatch, *, writes: bool
) -> None:
    """It tells how many calls did not end in time, and how many jobs Redis did not take back."""
    monkeypatch.setattr(executing, "HAND_BACK_SECONDS", 0.05)

    async def scenario() -> None:
        worker = Worker()
        worker.leases.answers.set()
        worker.upstream.answers.clear()
        writing = asyncio.create_task(worker.completer.run()) if writes else None
        hint = worker.serve("called")
        await settle()
        await worker.executor.drain(0)
        (told,) = [each for each in worker.network.heard if isinstance(each, WorkerDrained)]
        assert (told.returned, told.unwritten) == (1, 0 if writes else 1)
        await asyncio.gather(hint, return_exceptions=True)
        if writing:
            writing.cancel()

    run(scenario)
