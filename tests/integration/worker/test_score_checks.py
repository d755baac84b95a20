"""A real worker checks the scores of its models, and parks one whose scores are nonsense."""

import json
from collections.abc import Iterator

import pytest

from rerankq import JobHandle, RerankClient
from rerankq.accounts.breakers import TrippedBreaker, model_breaker
from rerankq.accounts.score_turns import ScoreTurns
from rerankq.contract import JobState
from rerankq.ledger.delays import Delays
from rerankq.store.store import Store
from running.command import rerankq
from running.ledger_desk import LedgerDesk
from running.redis_server import RedisServer
from running.sandbox import RunningSandbox
from running.waiting import eventually
from running.worker import RunningWorker

EVERY = 0.5
DOCUMENTS = ["今天股市大涨", "预防感冒应勤洗手、戴口罩"]


class Fleet:
    """A worker that checks twice a second, its upstream and its ledger."""

    def __init__(self, url: str, upstream: RunningSandbox, worker: RunningWorker) -> None:
        self.url, self.upstream, self.worker = url, upstream, worker
        self.site = f"127.0.0.1:{upstream.port}"
        self.breaker = model_breaker(self.site, "qwen3-reranker-8b")

    def parked(self, desk: LedgerDesk) -> TrippedBreaker | None:
        """The breaker of the model, while it is open."""
        return desk.run(desk.breakers.tripped()).get(self.breaker)

    def checks(self) -> int:
        """How many calls of checks came."""
        return sum(str(each["job_id"]).startswith("score-check-") for each in self.upstream.log())

    def outcome(self, desk: LedgerDesk) -> str:
        """What the last check showed."""

        async def last() -> str:
            async with Store(self.url) as store:
                found = await ScoreTurns(store).last(self.site, "qwen3-reranker-8b")
                return found.outcome if found else ""

        return desk.run(last())

    def spoil(self, kind: str, times: int | None = None) -> None:
        """Let calls get wrong scores."""
        self.upstream.set_faults(
            {"match": {}, "times": times, "action": {"kind": kind}}
        ).raise_for_status()


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    folder = tmp_path_factory.mktemp("score-checks")
    with (
        RedisServer(folder) as redis,
        RunningSandbox(keys=("sk-test",)) as upstream,
        RunningWorker(redis.url, upstream.url, folder, score_check_seconds=EVERY) as worker,
    ):
        yield Fleet(redis.url, upstream, worker)


@pytest.fixture(autouse=True)
def _sound(fleet: Fleet) -> Iterator[None]:
    yield
    fleet.upstream.admin("DELETE", "faults").raise_for_status()
    with LedgerDesk(fleet.url) as desk:
        desk.run(desk.breakers.reset(fleet.breaker))


def _that_waits(client: RerankClient) -> JobHandle | None:
    """A new job, if it waits; None if it was ranked."""
    job = client.submit(query="如何预防感冒", documents=DOCUMENTS)
    settled = {JobState.SCHEDULED, JobState.SUCCEEDED}
    eventually(lambda: job.status().state in settled, "the worker had it")
    return job if job.status().state is JobState.SCHEDULED else None


@pytest.mark.parametrize("kind", ["equal_scores", "nan"])
def test_a_model_whose_scores_are_nonsense_is_parked_until_they_are_good(
    fleet: Fleet, kind: str
) -> None:
    """Jobs wait, fail not and probe not; log, status and `why` name the reason."""
    with LedgerDesk(fleet.url) as desk, RerankClient(fleet.url) as client:
        told = fleet.worker.log().count("is open: parked")
        fleet.spoil(kind)
        parked = eventually(lambda: fleet.parked(desk), "the model is parked", seconds=40)
        assert (parked.state, parked.code) == ("parked", "nonsense_scores")
        line = f"the breaker of {fleet.breaker} is open: parked"
        eventually(lambda: fleet.worker.log().count(line) > told, "the worker knows that")
        # It logs that a moment before its jobs wait.
        first = eventually(lambda: _that_waits(client), "a job waits")
        calls = len(fleet.upstream.log())
        others = [client.submit(query="如何预防感冒", documents=DOCUMENTS) for _ in range(2)]
        jobs = [first, *others]
        eventually(
            lambda: all(each.status().state is JobState.SCHEDULED for each in jobs), "jobs wait"
        )
        (why, *_) = [each for each in client.why(jobs[0].id) if each.code == "model_parked"]
        assert "nonsense_scores: its scores of known pairs are" in why.message
        desk.let_pass(61, fleet.site)
        desk.run(Delays(desk.store).end())
        probed = eventually(lambda: fleet.upstream.log(calls), "it is probed", seconds=40)
        assert all(str(each["job_id"]).startswith("score-check-") for each in probed)
        shown = rerankq("upstream", "status", "--json", RERANKQ_REDIS_URL=fleet.url).stdout
        assert json.loads(shown)["breakers"][fleet.breaker]["code"] == "nonsense_scores"

        fleet.upstream.admin("DELETE", "faults").raise_for_status()
        desk.let_pass(61, fleet.site)
        eventually(lambda: fleet.parked(desk) is None, "it is used again", seconds=40)

        def ended() -> bool:
            # A job that is tried before the worker has heard of it waits for another minute.
            desk.run(Delays(desk.store).end())
            return all(each.status().state is JobState.SUCCEEDED for each in jobs)

        eventually(ended, "the jobs succeed", seconds=40)
        assert all(each.result(timeout=1).attempts == 1 for each in jobs)
        assert f"the breaker of {fleet.breaker} is closed again" in fleet.worker.log()


def test_one_odd_answer_and_raw_logits_park_nothing(fleet: Fleet) -> None:
    """A check goes on after one bad answer; logits are good scores."""
    with LedgerDesk(fleet.url) as desk:
        fleet.spoil("reversed_scores", times=1)
        before = fleet.checks()
        eventually(lambda: fleet.checks() >= before + 2, "it asked again", seconds=40)
        fleet.spoil("logits")
        before = fleet.checks()
        eventually(lambda: fleet.checks() >= before + 3, "three checks with logits", seconds=40)
        eventually(lambda: fleet.outcome(desk) == "sane", "the last check is sane")
        assert fleet.parked(desk) is None
