"""Small jobs of one query share a call; each keeps its own lease, attempt and end."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

import orjson
import pytest

from rerankq.contract import Job, RerankRequest
from rerankq.ledger.failures import Past
from rerankq.ledger.leases import Finish, Lease, Leases, Postponement
from rerankq_worker.jobs.attempts import Attempts
from rerankq_worker.jobs.completer import Completer
from rerankq_worker.jobs.in_flight import InFlightJobs
from rerankq_worker.jobs.passenger import MOST_JOB_DOCUMENTS
from rerankq_worker.jobs.retry import RetryPolicy
from rerankq_worker.jobs.shared_calls import LIMITS
from rerankq_worker.upstream.errors import ContentRefused, Throttled, Transient, UpstreamError
from rerankq_worker.upstream.pairs import PairsRequest
from rerankq_worker.upstream.port import Answer, Call, Score
from running.fake_limits import Network

LEASE_SECONDS = 3.0


class KnownLeases(Leases):
    """A ledger in which other workers hold some jobs."""

    def __init__(self) -> None:
        self.lost: set[str] = set()
        self.asked: list[str] = []

    async def renew(self, leases: Sequence[Lease]) -> set[str]:
        """The lost ones."""
        self.asked += [each.job_id for each in leases]
        return self.lost & {each.job_id for each in leases}


class Worker:
    """Attempts at jobs that share calls, with a network of fakes."""

    def __init__(self, network: type[Network] = Network) -> None:
        self.leases = KnownLeases()
        self.in_flight = InFlightJobs(100)
        self.network = network(50, a={})
        self.provider = self.network.providers["a"]
        self.provider.answer = ranked
        self.tally: Counter[str] = Counter()
        self.completer = Completer(self.leases, self.in_flight, lease_seconds=LEASE_SECONDS)
        self.attempts = Attempts(
            leases=self.leases,
            in_flight=self.in_flight,
            completer=self.completer,
            routes=self.network.routes,
            policy=RetryPolicy(max_attempts=3, give_up_seconds=60),
            lease_seconds=LEASE_SECONDS,
            shares_calls=True,
        )

    def work(self, job: Job, *, claimed_ago: float = 0.0, **lease: Any) -> "asyncio.Task[None]":
        """Work on a job."""
        held = replace(Lease(job.id, 1, 0, 0.0, job.encode()), **lease)
        claimed_at = time.monotonic() - claimed_ago
        task = asyncio.create_task(self.attempts.work(held, claimed_at, self.tally))
        self.in_flight.add(held, task)
        return task

    def allow(self, permits: int) -> None:
        """Give the account's permits to those who wait."""
        self.network.hear("a", permits=permits)

    def calls(self) -> list[list[str]]:
        """The documents of each call."""
        return [call.request.texts() for call in self.provider.calls]

    def results(self) -> dict[str, dict[str, Any]]:
        """By job: its result, or the name of its outcome."""
        found = {}
        for outcome, _ in self.completer.unwritten():
            match outcome:
                case Finish():
                    whole = orjson.loads(b"{" + outcome.outcome)
                    found[outcome.lease.job_id] = {"state": outcome.state.value} | whole
                case Postponement():
                    found[outcome.lease.job_id] = {"state": "postponed", "left": outcome}
        return found


class PairsNetwork(Network):
    """A site whose calls may have a query for each document."""

    dialect = "vllm-score"


def ranked(call: Call) -> Answer:
    """A document's score is its number; a call costs 100 tokens a document."""
    rows = [Score(index, float(text)) for index, text in enumerate(call.request.texts())]
    total = 100 * len(rows)
    return Answer(sorted(rows, key=lambda row: -row.relevance_score), total, total, "id")


def job(name: str, *documents: int, query: str = "q", **fields: Any) -> Job:
    asked = {each: fields.pop(each) for each in ("top_n", "instruction") if each in fields}
    request = RerankRequest(query=query, documents=tuple(map(str, documents)), **asked)
    return Job(id=name, request=request, **fields)


def run(scenario: Callable[[], Awaitable[None]]) -> None:
    async def within() -> None:
        async with asyncio.timeout(20):
            await scenario()

    asyncio.run(within())


async def settled() -> None:
    """Let all tasks go as far as they can."""
    for _ in range(20):
        await asyncio.sleep(0)


def rows(result: dict[str, Any]) -> list[tuple[int, float]]:
    return [(row["index"], row["relevance_score"]) for row in result["result"]["results"]]


def test_jobs_that_wait_share_the_call_of_the_first() -> None:
    """Each gets the ranking of its own documents, and its share of the tokens; equal texts once."""

    async def scenario() -> None:
        worker = Worker()
        jobs = [job("a", 1, 9, 3), job("b", 9, 2), job("c", 5, top_n=1), job("d", 7, query="other")]
        work = [worker.work(each) for each in jobs]
        await settled()
        worker.allow(1)
        await settled()
        assert worker.calls() == [["1", "9", "3", "2", "5"]]
        worker.allow(2)
        await asyncio.gather(*work)
        assert worker.calls()[1:] == [["7"]]
        found = worker.results()
        assert {name: each["state"] for name, each in found.items()} == dict.fromkeys(
            "abcd", "succeeded"
        )
        assert rows(found["a"]) == [(1, 9.0), (2, 3.0), (0, 1.0)]
        assert rows(found["b"]) == [(0, 9.0), (1, 2.0)]
        assert rows(found["c"]) == [(0, 5.0)]
        assert [found[name]["result"]["usage"]["total_tokens"] for name in "abc"] == [250, 167, 83]
        assert worker.network.permits["a"].in_flight == 0

    run(scenario)


@pytest.mark.parametrize(
    "other",
    [
        job("b", 2, query="another"),
        job("b", 2, instruction="as a lawyer"),
        job("b", 2, tenant="t"),
        job("b", *range(MOST_JOB_DOCUMENTS + 1)),
    ],
    ids=["query", "instruction", "tenant", "size"],
)
def test_jobs_that_differ_have_calls_of_their_own(other: Job) -> None:
    """The same query, instruction and tenant are needed, and a job that is small."""

    async def scenario() -> None:
        worker = Worker()
        work = [worker.work(job("a", 1)), worker.work(other)]
        await settled()
        worker.allow(2)
        await asyncio.gather(*work)
        assert [call.job_id for call in worker.provider.calls] == ["a", "b"]

    run(scenario)


@pytest.mark.parametrize("lease", [{"attempts": 1}, {"past": Past(1.0, 2.0)}])
def test_a_job_that_failed_before_goes_alone(lease: dict[str, Any]) -> None:
    """If the fault is its own, no other job meets it."""

    async def scenario() -> None:
        worker = Worker()
        work = [worker.work(job("a", 1)), worker.work(job("b", 2), **lease)]
        await settled()
        worker.allow(2)
        await asyncio.gather(*work)
        assert worker.calls() == [["1"], ["2"]]

    run(scenario)


def test_a_call_has_a_most() -> None:
    """What does not fit into a call waits for the next permit."""

    async def scenario() -> None:
        worker = Worker()
        assert LIMITS.documents
        each = MOST_JOB_DOCUMENTS
        count = LIMITS.documents // each
        jobs = [job(f"j{n}", *range(n * each, (n + 1) * each)) for n in range(count + 1)]
        work = [worker.work(one) for one in jobs]
        await settled()
        worker.allow(1)
        await settled()
        assert [len(call) for call in worker.calls()] == [LIMITS.documents]
        worker.allow(1)
        await asyncio.gather(*work)
        assert len(worker.calls()) == 2

    run(scenario)


def test_jobs_of_different_queries_share_a_call_of_pairs() -> None:
    """Where a site takes pairs, only model, instruction and tenant must be the same.

    Pairs of one query stand together, and each different one is sent once.
    """

    async def scenario() -> None:
        worker = Worker(PairsNetwork)
        jobs = [
            job("a", 1, 9),
            job("b", 9, 2, query="other"),
            job("c", 9, 4, top_n=1),
            job("d", 7, tenant="t"),
        ]
        work = [worker.work(each) for each in jobs]
        await settled()
        worker.allow(1)
        await settled()
        worker.allow(1)
        await asyncio.gather(*work)
        shared, own = (call.request for call in worker.provider.calls)
        assert isinstance(shared, PairsRequest)
        assert list(zip(shared.queries, shared.texts(), strict=True)) == [
            *(("q", text) for text in "194"),
            *(("other", text) for text in "92"),
        ]
        assert own.texts() == ["7"]
        assert not isinstance(own, PairsRequest)
        found = worker.results()
        assert rows(found["a"]) == [(1, 9.0), (0, 1.0)]
        assert rows(found["b"]) == [(0, 9.0), (1, 2.0)]
        assert rows(found["c"]) == [(0, 9.0)]

    run(scenario)


def test_jobs_of_one_query_are_no_pairs() -> None:
    """A call of one query says it once, also where it could say it for each document."""

    async def scenario() -> None:
        worker = Worker(PairsNetwork)
        work = [worker.work(job(name, number)) for name, number in [("a", 1), ("b", 2)]]
        await settled()
        worker.allow(1)
        await asyncio.gather(*work)
        (call,) = worker.provider.calls
        assert type(call.request) is RerankRequest

    run(scenario)


def test_a_refusal_of_all_is_tried_alone() -> None:
    """A refusal or a broken answer may be one job's fault: the others are ranked all the same."""

    async def scenario() -> None:
        worker = Worker()

        def answer(call: Call) -> Answer:
            if "13" in call.request.texts():
                raise ContentRefused("not this", status=400)
            return ranked(call)

        worker.provider.answer = answer
        worker.network.permits["a"].gave_ranking()
        work = [worker.work(job(name, number)) for name, number in [("a", 1), ("b", 13), ("c", 3)]]
        await settled()
        worker.allow(1)
        await settled()
        worker.allow(3)
        await asyncio.gather(*work)
        found = worker.results()
        assert [found[name]["state"] for name in "abc"] == ["succeeded", "failed", "succeeded"]
        assert worker.calls()[0] == ["1", "13", "3"]
        assert sorted(worker.calls()[1:]) == [["1"], ["13"], ["3"]]

    run(scenario)


@pytest.mark.parametrize(
    ("error", "attempts"), [(Throttled("slow"), 0), (Transient("away", status=502), 1)]
)
def test_other_failures_are_each_jobs_own(error: UpstreamError, attempts: int) -> None:
    """Each job is postponed by its own policy, as after a call of its own."""

    async def scenario() -> None:
        worker = Worker()
        worker.provider.answer = error
        worker.network.permits["a"].gave_ranking()
        work = [worker.work(job(name, 1)) for name in "ab"]
        await settled()
        worker.allow(1)
        await asyncio.gather(*work)
        assert len(worker.calls()) == 1
        found = worker.results()
        assert [found[name]["state"] for name in "ab"] == ["postponed"] * 2
        assert [found[name]["left"].attempts for name in "ab"] == [attempts] * 2

    run(scenario)


def test_a_job_that_leaves_does_not_end_the_call() -> None:
    """Also the one whose permit it is may be cancelled; the last one's end cuts the call off."""

    async def scenario() -> None:
        worker = Worker()
        worker.provider.answers.clear()
        work = [worker.work(job(name, number)) for number, name in enumerate("abc")]
        await settled()
        worker.allow(1)
        await settled()
        assert worker.calls() == [["0", "1", "2"]]
        assert len(worker.attempts.begin_no_more()) == 3
        work[0].cancel()
        await settled()
        worker.provider.answers.set()
        await asyncio.gather(*work, return_exceptions=True)
        assert worker.tally == Counter(abandoned=1, succeeded=2)

        worker = Worker()
        worker.provider.answers.clear()
        work = [worker.work(job(name, 1)) for name in "ab"]
        await settled()
        worker.allow(1)
        await settled()
        assert worker.network.permits["a"].in_flight == 1
        for each in work:
            each.cancel()
        await settled()
        assert worker.network.permits["a"].in_flight == 0

    run(scenario)


def test_a_drain_waits_for_a_call_from_its_beginning() -> None:
    """All jobs of a call are known to have one in flight when it begins, so none is cancelled."""

    async def scenario() -> None:
        worker = Worker()
        known = set[asyncio.Task[Any]]()

        def answer(call: Call) -> Answer:
            known.update(worker.attempts.begin_no_more())
            return ranked(call)

        worker.provider.answer = answer
        work = [worker.work(job(name, number)) for number, name in enumerate("abc")]
        await settled()
        worker.allow(1)
        await asyncio.gather(*work)
        assert known == set(work)
        assert worker.tally == Counter(succeeded=3)

    run(scenario)


def test_a_job_that_another_worker_has_is_not_in_the_call() -> None:
    """Each lease is certain before the call begins, or the job is left behind."""

    async def scenario() -> None:
        worker = Worker()
        worker.leases.lost = {"b"}
        work = [worker.work(job(name, n), claimed_ago=10.0) for n, name in enumerate("abc")]
        await settled()
        worker.allow(1)
        await asyncio.gather(*work)
        assert sorted(worker.leases.asked) == ["a", "b", "c"]
        assert worker.calls() == [["0", "2"]]
        assert worker.tally == Counter(abandoned=1, succeeded=2)

    run(scenario)


def test_if_all_are_lost_the_permit_goes_back() -> None:
    """No call is made, and the next job gets it."""

    async def scenario() -> None:
        worker = Worker()
        worker.leases.lost = {"a", "b"}
        work = [worker.work(job(name, 1), claimed_ago=10.0) for name in "ab"]
        await settled()
        worker.allow(1)
        await asyncio.gather(*work)
        assert (worker.calls(), worker.tally) == ([], Counter(abandoned=2))
        permits = worker.network.permits["a"]
        assert (permits.in_flight, permits.ready) == (0, True)

    run(scenario)


def test_a_call_whose_jobs_are_all_cancelled_is_not_made() -> None:
    """Also if one is cancelled in the moment in which it is taken along."""

    async def scenario() -> None:
        worker = Worker()
        work = [worker.work(job(name, 1)) for name in "ab"]
        await settled()
        worker.allow(1)
        await asyncio.sleep(0)
        for each in work:
            each.cancel()
        await asyncio.gather(*work, return_exceptions=True)
        await settled()
        assert worker.calls() == []
        permits = worker.network.permits["a"]
        assert (permits.in_flight, permits.ready) == (0, True)

    run(scenario)


def test_a_drain_begins_no_calls_of_single_jobs() -> None:
    """If a shared call is refused while the worker shuts down, its jobs go back."""

    async def scenario() -> None:
        worker = Worker()
        worker.provider.answer = ContentRefused("not this", status=400)
        worker.network.permits["a"].gave_ranking()
        worker.provider.answers.clear()
        work = [worker.work(job(name, number)) for number, name in enumerate("ab")]
        await settled()
        worker.allow(1)
        await settled()
        worker.attempts.begin_no_more()
        worker.provider.answers.set()
        worker.allow(5)
        await asyncio.gather(*work)
        assert len(worker.calls()) == 1
        assert {each["state"] for each in worker.results().values()} == {"postponed"}

    run(scenario)
