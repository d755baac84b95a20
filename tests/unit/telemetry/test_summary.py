import asyncio
import logging
import random

import pytest

from rerankq.contract import JobState, RerankRequest
from rerankq.ledger.leases import Finish, Lease, Postponement
from rerankq_worker.telemetry import summary
from rerankq_worker.telemetry.activity import Activity, Durations, ObservedProvider
from rerankq_worker.telemetry.summary import figures, sentence, summarise
from rerankq_worker.upstream.port import Answer, Call, Refused, Throttled, UpstreamError

LEASE = Lease("id", 1, 0, 0.0, b"")
CALL = Call("id", 1, RerankRequest(query="q", documents=("d",), model="m"), "m", "key")


class Scripted:
    """A provider that answers, or fails, in turn."""

    def __init__(self, *errors: UpstreamError | None) -> None:
        self.errors = list(errors)

    def check(self, request: RerankRequest, model: str) -> None:
        """All can be sent."""

    async def reach(self) -> None:
        """Be there."""

    async def rerank(self, call: Call) -> Answer:
        """The next in turn."""
        del call
        error = self.errors.pop(0)
        if error:
            raise error
        return Answer((), 0, 0, None)


async def calls(activity: Activity, *errors: UpstreamError | None) -> None:
    provider = ObservedProvider(Scripted(*errors), activity)
    for error in errors:
        if error is None:
            await provider.rerank(CALL)
        else:
            with pytest.raises(type(error)):
                await provider.rerank(CALL)


def test_a_minute_is_one_sentence() -> None:
    """Done and rate, failed and postponed by reason, calls and their times, and what is in hand."""
    activity = Activity()
    for _ in range(1200):
        activity.came_to(Finish(LEASE, 1, JobState.SUCCEEDED, b""))
    for reason in ("upstream_refused", "upstream_refused", "crash_loop"):
        activity.came_to(Finish(LEASE, 1, JobState.FAILED, b"", reason))
    activity.came_to(Postponement(LEASE, 0, 1.0))
    activity.came_to(Postponement(LEASE, 0, 0))
    asyncio.run(calls(activity, None, Throttled("slow down"), Refused("no")))
    counts = activity.take()
    said = sentence(counts, 7, 60.0)
    assert said.startswith(
        "in 60 s: done 1,200 (20.0 jobs/s); failed 3 (upstream_refused 2, crash_loop 1); "
        "postponed 2 (retry 1, handed_back 1); calls answered 1 (p50 0.0005"
    )
    assert said.endswith("; failed calls 2 (upstream_throttled 1, upstream_refused 1); in hand 7")
    told = figures(counts, 7, 60.0)
    assert (told["done"], told["throttled"], told["in_hand"]) == (1200, 1, 7)
    assert not activity.take()


def test_durations_are_told_within_five_percent() -> None:
    """Median and 99th percentile come from counts by size, of any number of calls."""
    durations, chance = Durations(), random.Random(7)  # noqa: S311  no secret
    assert durations.quantile(0.5) == 0.0
    times = sorted(chance.lognormvariate(-2, 1) for _ in range(10_000))
    for each in times:
        durations.add(each)
    for share in (0.5, 0.99):
        assert durations.quantile(share) == pytest.approx(times[int(share * 10_000)], rel=0.06)
    durations.add(1e9)
    durations.add(0.0)
    assert durations.count == 10_002


def test_an_idle_worker_is_silent_and_says_now_and_then_that_it_lives(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A line comes when something happened or is in hand; else a sparse one alone."""
    caplog.set_level(logging.INFO)
    activity = Activity()
    in_hand = [0]

    async def turns(number: int) -> list[str]:
        """Wait for so many looks; the lines that they made."""
        caplog.clear()
        looked = asyncio.Event()
        left = number

        def hand() -> int:
            nonlocal left
            left -= 1
            if left <= 0:
                looked.set()
            return in_hand[0]

        task = asyncio.create_task(summarise(activity, hand, every_seconds=0.001))
        await looked.wait()
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return [record.getMessage() for record in caplog.records]

    assert asyncio.run(turns(20)) == []
    in_hand[0] = 3
    assert "in hand 3" in asyncio.run(turns(2))[0]
    in_hand[0] = 0
    monkeypatch.setattr(summary, "IDLE_SECONDS", 0.0)
    assert asyncio.run(turns(2))[0].startswith("idle: no job for 0 min")


def test_the_last_line_comes_with_the_end(caplog: pytest.LogCaptureFixture) -> None:
    """What happened since the last line is not lost when the worker ends."""
    caplog.set_level(logging.INFO)
    activity = Activity()

    async def scenario() -> None:
        task = asyncio.create_task(summarise(activity, lambda: 0))
        await asyncio.sleep(0)
        activity.came_to(Finish(LEASE, 1, JobState.SUCCEEDED, b""))
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(scenario())
    assert "done 1 " in caplog.text
