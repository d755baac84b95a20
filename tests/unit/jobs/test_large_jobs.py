"""Jobs that are too large for one call: their calls, the merge, checkpoints, failures and turns."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from typing import Any

import orjson
import pytest

from rerankq.contract import Job, JobState, RerankRequest
from rerankq.errors import LedgerUnavailable
from rerankq.ledger.checkpoints import Checkpoints
from rerankq.ledger.leases import Finish, Lease, Leases, Postponement
from rerankq.ledger.usage import CallUsage
from rerankq_worker.jobs import job_checkpoint
from rerankq_worker.jobs.attempts import Attempts
from rerankq_worker.jobs.completer import Completer, JobUpdate
from rerankq_worker.jobs.in_flight import InFlightJobs
from rerankq_worker.jobs.retry import RetryPolicy
from rerankq_worker.limits.routes import Routes
from rerankq_worker.upstream.call_limits import CallLimits
from rerankq_worker.upstream.errors import (
    CallTooLarge,
    ContentRefused,
    Throttled,
    Transient,
    UpstreamError,
)
from rerankq_worker.upstream.port import Answer, Call, Score
from running.fake_limits import FakeProvider, Network

DOCUMENTS = tuple(f"{(7 * n) % 10} of {n}" for n in range(10))
"""Their first figure is their score."""


class HeldLeases(Leases):
    """A ledger in which this worker holds every job."""

    def __init__(self) -> None:
        pass

    async def renew(self, leases: Sequence[Lease]) -> set[str]:
        """None is lost."""
        del leases
        return set()


class FakeCheckpoints(Checkpoints):
    """Checkpoints in memory.

    Attributes:
        lost: whether the lease is another worker's.
        away: how many writes fail before Redis answers again.
        used: what was counted with them.
    """

    def __init__(self) -> None:
        self.parts: dict[str, bytes] = {}
        self.used: list[CallUsage] = []
        self.lost = False
        self.away = 0

    async def begin(self, lease: Lease, most_calls: int) -> list[bytes]:
        """All that is kept."""
        del most_calls
        return await self.kept(lease.job_id)

    async def keep(
        self, lease: Lease, part: str, scores: bytes, used: Sequence[CallUsage] = ()
    ) -> bool:
        """Keep it, while the lease is held."""
        del lease
        await asyncio.sleep(0)
        if self.away:
            self.away -= 1
            raise LedgerUnavailable("Redis is away")
        if not self.lost:
            self.parts[part] = scores
            self.used += used
        return not self.lost

    async def kept(self, job_id: str) -> list[bytes]:
        """All of them."""
        del job_id
        return list(self.parts.values())


class ScoringProvider(FakeProvider):
    """Scores each document by its first figure.

    Attributes:
        errors: what happens to calls that have a document, by the document.
        most: documents of a call; more are refused.
        open: how many calls are in flight, and the most that were.
    """

    def __init__(self) -> None:
        super().__init__()
        self.errors: dict[str, UpstreamError] = {}
        self.most = 1000
        self.open = self.most_open = 0
        self.begun = asyncio.Event()

    async def rerank(self, call: Call) -> Answer:
        """The scores of the call's documents."""
        self.calls.append(call)
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        self.begun.set()
        try:
            await self.answers.wait()
        finally:
            self.open -= 1
        texts = call.request.texts()
        if len(texts) > self.most:
            raise CallTooLarge("the upstream answered 413", status=413)
        for text in texts:
            if text in self.errors:
                raise self.errors[text]
        scores = [Score(index, float(text[0])) for index, text in enumerate(texts)]
        return Answer(sorted(scores, key=lambda each: -each.relevance_score), 5, 7, "id")

    @property
    def asked(self) -> list[list[int]]:
        """The documents of each call, by their numbers."""
        return [[int(text.split()[-1]) for text in each.request.texts()] for each in self.calls]


class Ends(Completer):
    """Keeps the outcomes."""

    def __init__(self, in_flight: InFlightJobs) -> None:
        super().__init__(HeldLeases(), in_flight, lease_seconds=3.0)
        self.outcomes: list[JobUpdate] = []

    def put(self, outcome: JobUpdate, event: object = None) -> None:
        """Keep it."""
        del event
        self.outcomes.append(outcome)


class Worker:
    """Attempts at large jobs, at one site that takes three documents in a call."""

    def __init__(self, limits: CallLimits, *, permits: int, job_calls: int) -> None:
        self.network = Network(100, a={})
        self.provider = ScoringProvider()
        self.routes = Routes(
            [
                replace(each, limits=limits, provider=self.provider)
                for each in self.network.reservations
            ],
            self.network.breakers,
            max_in_flight=100,
            changed=lambda: None,
        )
        self.network.routes = self.routes
        self.checkpoints = FakeCheckpoints()
        self.in_flight = InFlightJobs(10)
        self.ends = Ends(self.in_flight)
        self.tally: Counter[str] = Counter()
        self.attempts = Attempts(
            leases=HeldLeases(),
            in_flight=self.in_flight,
            completer=self.ends,
            routes=self.routes,
            policy=RetryPolicy(max_attempts=3, give_up_seconds=60),
            lease_seconds=3.0,
            checkpoints=self.checkpoints,
            job_calls=job_calls,
        )
        self.network.permits["a"].gave_ranking()
        self.network.hear("a", permits=permits)

    def start(
        self, documents: Sequence[str] = DOCUMENTS, *, name: str = "j", attempts: int = 0
    ) -> "asyncio.Task[None]":
        """Begin to work on a job."""
        request = RerankRequest(query="q", documents=tuple(documents), top_n=4)
        lease = Lease(name, 1, attempts, 0.0, Job(id=name, request=request).encode())
        task = asyncio.create_task(self.attempts.work(lease, time.monotonic(), self.tally))
        self.in_flight.add(lease, task)
        return task

    @property
    def end(self) -> Any:
        """The last job's result, or its error."""
        outcome = self.ends.outcomes[-1]
        assert isinstance(outcome, Finish)
        return orjson.loads(outcome.outcome.partition(b'"result":')[2].rpartition(b"}")[0])

    @property
    def ranking(self) -> list[int]:
        """The documents of the last job, best first."""
        return [row["index"] for row in self.end["results"]]


BEST = [7, 4, 1, 8]
"""The ranking of all documents in one call."""
THREE = CallLimits(documents=3)


def run(
    scenario: Callable[[Worker], Coroutine[Any, Any, None]],
    limits: CallLimits = THREE,
    *,
    permits: int = 50,
    job_calls: int = 50,
) -> None:
    async def within() -> None:
        await scenario(Worker(limits, permits=permits, job_calls=job_calls))

    asyncio.run(asyncio.wait_for(within(), 20))


def test_parts_are_merged_exactly() -> None:
    """A job in four calls has the ranking of one call: `top_n` after the merge, tokens as sums."""

    async def scenario(worker: Worker) -> None:
        await worker.start()
        assert sorted(map(len, worker.provider.asked)) == [1, 3, 3, 3]
        assert worker.ranking == BEST
        assert worker.end["usage"]["total_tokens"] == 4 * 7
        assert worker.end["usage"]["prompt_tokens"] == 4 * 5
        assert worker.end["attempts"] == 1

    run(scenario)


def test_each_call_is_counted_with_its_part() -> None:
    """What calls have used is counted when they are kept; what failed, with the next or the end."""

    async def scenario(worker: Worker) -> None:
        worker.provider.errors[DOCUMENTS[4]] = Transient("500", status=500)
        await worker.start()
        worker.provider.errors.clear()
        await worker.start(attempts=1)
        told = [*worker.checkpoints.used]
        for outcome in worker.ends.outcomes:
            told += outcome.usage
        assert sum(each.usage.calls for each in told) == len(worker.provider.calls) == 5
        assert sum(each.usage.retries for each in told) == 1
        assert sum(each.usage.jobs for each in told) == 1
        assert sum(each.usage.pairs for each in told) == len(DOCUMENTS)

    run(scenario)


def test_a_failed_part_alone_is_repeated() -> None:
    """After one failed call the others go on; the next attempt asks for that part alone."""

    async def scenario(worker: Worker) -> None:
        worker.provider.errors[DOCUMENTS[4]] = Transient("500", status=500)
        await worker.start()
        assert isinstance(worker.ends.outcomes[-1], Postponement)
        assert len(worker.provider.calls) == 4
        worker.provider.errors.clear()
        worker.provider.calls.clear()
        await worker.start(attempts=1)
        assert worker.provider.asked == [[3, 4, 5]]
        assert worker.ranking == BEST
        assert worker.end["usage"]["total_tokens"] == 4 * 7

    run(scenario)


@pytest.mark.parametrize(
    ("error", "most"), [(Throttled("429", status=429), 2), (Transient("500", status=500), 3)]
)
def test_no_calls_are_wasted_when_all_would_fail(error: UpstreamError, most: int) -> None:
    """After a 429, or a second failure, no more calls begin, and the job waits."""

    async def scenario(worker: Worker) -> None:
        worker.provider.errors = dict.fromkeys(DOCUMENTS, error)
        await worker.start()
        assert isinstance(worker.ends.outcomes[-1], Postponement)
        assert len(worker.provider.calls) <= most

    run(scenario, CallLimits(documents=1), job_calls=2)


def test_a_refusal_ends_the_job() -> None:
    """A part that is refused for good ends the job with the reason."""

    async def scenario(worker: Worker) -> None:
        worker.provider.errors[DOCUMENTS[4]] = ContentRefused("no", status=400)
        await worker.start()
        outcome = worker.ends.outcomes[-1]
        assert isinstance(outcome, Finish)
        assert (outcome.state, outcome.reason) == (JobState.FAILED, "upstream_refused")

    run(scenario)


@pytest.mark.parametrize("limits", [CallLimits(), CallLimits(documents=8)])
def test_what_is_too_large_is_halved(limits: CallLimits) -> None:
    """Where a site takes less than is known, its refusals divide the job further."""

    async def scenario(worker: Worker) -> None:
        worker.provider.most = 2
        await worker.start()
        assert worker.ranking == BEST
        taken = [call for call in worker.provider.asked if len(call) <= 2]
        assert sorted(index for call in taken for index in call) == list(range(10))

    run(scenario, limits)


@pytest.mark.parametrize("by", ["the upstream", "a limit"])
def test_a_document_that_is_too_large_is_named(by: str) -> None:
    """A single document that no call can have ends the job with its index, not with its text."""
    large = "9" * 5000 if by == "a limit" else DOCUMENTS[6]
    documents = [*DOCUMENTS[:6], large, *DOCUMENTS[7:]]

    async def scenario(worker: Worker) -> None:
        worker.provider.errors[large] = CallTooLarge("the upstream answered 413", status=413)
        await worker.start(documents)
        outcome = worker.ends.outcomes[-1]
        assert isinstance(outcome, Finish)
        assert outcome.reason == "upstream_too_large"
        assert b"document 6" in outcome.outcome
        assert large.encode() not in outcome.outcome

    run(scenario, CallLimits(documents=3, bytes=4096))


def test_calls_at_once_are_bounded() -> None:
    """One job has at most `job_calls` calls in flight or in line."""

    async def scenario(worker: Worker) -> None:
        worker.provider.answers.clear()
        work = worker.start()
        await worker.provider.begun.wait()
        for _ in range(20):
            await asyncio.sleep(0)
        worker.provider.answers.set()
        await work
        assert worker.provider.most_open == 3
        assert worker.ranking == BEST

    run(scenario, CallLimits(documents=1), job_calls=3)


def test_other_jobs_have_their_turn() -> None:
    """Of a large job one call stands in line; calls of jobs that come later go before the rest."""

    async def scenario(worker: Worker) -> None:
        large = worker.start(name="large")
        for _ in range(20):
            await asyncio.sleep(0)
        small = [worker.start(["1 of 1"], name=f"small-{n}") for n in range(3)]
        for _ in range(20):
            await asyncio.sleep(0)
        for _ in range(20):
            worker.network.hear("a", permits=1)
            for _ in range(20):
                await asyncio.sleep(0)
        await asyncio.gather(large, *small)
        order = [call.job_id.partition("-")[0] for call in worker.provider.calls]
        assert order[:5] == ["large", "small", "small", "small", "large"]

    run(scenario, CallLimits(documents=1), permits=0)


def test_a_drain_keeps_what_calls_bring() -> None:
    """In a drain calls in flight finish and are kept, none begins, and the job goes back."""

    async def scenario(worker: Worker) -> None:
        worker.provider.answers.clear()
        work = worker.start()
        await worker.provider.begun.wait()
        assert worker.attempts.begin_no_more() == {work}
        worker.provider.answers.set()
        await work
        made = len(worker.provider.calls)
        assert 0 < made < 4
        assert len(worker.checkpoints.parts) == made
        outcome = worker.ends.outcomes[-1]
        assert isinstance(outcome, Postponement)
        assert (outcome.attempts, outcome.delay_seconds) == (0, 0)

    run(scenario, permits=2)


def test_a_lost_lease_stops_all_calls() -> None:
    """When another worker has the job, no call is begun, and those in flight are cut off."""

    async def scenario(worker: Worker) -> None:
        worker.checkpoints.lost = True
        await worker.start()
        assert (worker.tally, worker.ends.outcomes) == (Counter(abandoned=1), [])
        assert (worker.provider.open, worker.network.permits["a"].in_flight) == (0, 0)

    run(scenario, CallLimits(documents=1), job_calls=2)


def test_a_cancelled_job_makes_no_more_calls() -> None:
    """When a job is cancelled, its calls are cut off, and their permits are free again."""

    async def scenario(worker: Worker) -> None:
        worker.provider.answers.clear()
        work = worker.start()
        await worker.provider.begun.wait()
        work.cancel()
        await asyncio.wait({work})
        assert (worker.provider.open, worker.network.permits["a"].in_flight) == (0, 0)

    run(scenario)


def test_what_was_paid_for_is_kept_when_redis_is_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """While Redis does not answer, what a call has brought is written again until it does."""
    monkeypatch.setattr(job_checkpoint, "KEEP_RETRY_SECONDS", 0)

    async def scenario(worker: Worker) -> None:
        worker.checkpoints.away = 3
        await worker.start()
        assert len(worker.checkpoints.parts) == 4
        assert worker.ranking == BEST

    run(scenario)
