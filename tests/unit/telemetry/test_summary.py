import asyncio
import logging
import random

import pytest

from rerankq.events import (
    RANKED,
    CallFinished,
    CallRef,
    Events,
    JobFailed,
    JobRef,
    JobReleased,
    JobRetried,
    JobSucceeded,
)
from rerankq_worker.telemetry import summary
from rerankq_worker.telemetry.activity import Activity, Durations
from rerankq_worker.telemetry.summary import figures, sentence, summarise

JOB = JobRef("id")
DONE = JobSucceeded(
    job=JOB,
    attempts=1,
    waited_seconds=1.0,
    call_seconds=0.5,
    prompt_tokens=0,
    total_tokens=0,
    estimated_tokens=9,
)


def called(outcome: str) -> CallFinished:
    call = CallRef("id", 1, "m", "a", "a", "k")
    return CallFinished(call=call, seconds=0.0005, outcome=outcome, status=None)


def test_a_minute_is_one_sentence() -> None:
    """It tells jobs done and their rate, failed and postponed by reason, calls, jobs in flight."""
    events = Events()
    activity = Activity(events)
    for _ in range(1200):
        events.tell(DONE)
    for reason in ("upstream_refused", "upstream_refused", "crash_loop"):
        events.tell(JobFailed(job=JOB, attempts=1, reason=reason, status=None))
    events.tell(JobRetried(job=JOB, attempts=0, reason="upstream_throttled", delay_seconds=1.0))
    events.tell(JobReleased(job=JOB))
    for outcome in (RANKED, "upstream_throttled", "upstream_refused"):
        events.tell(called(outcome))
    counts = activity.take()
    said = sentence(counts, 7, 60.0)
    assert said.startswith(
        "in 60 s: done 1,200 (20.0 jobs/s); failed 3 (upstream_refused 2, crash_loop 1); "
        "postponed 2 (upstream_throttled 1, handed_back 1); calls answered 1 (p50 0.0005"
    )
    assert said.endswith("; failed calls 2 (upstream_throttled 1, upstream_refused 1); in flight 7")
    told = figures(counts, 7, 60.0)
    assert (told["done"], told["throttled"], told["in_hand"]) == (1200, 1, 7)
    assert not activity.take()


def test_durations_are_shown_within_five_percent() -> None:
    """Median and 99th percentile are right within five percent for any number of calls."""
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


def test_an_idle_worker_logs_rarely(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A line comes when something happened or jobs are in flight; an idle worker logs rarely."""
    caplog.set_level(logging.INFO)
    activity = Activity(Events())
    in_hand = [0]

    async def turns(number: int) -> list[str]:
        """Let it look `number` times; returns the lines that it logged."""
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
    assert "in flight 3" in asyncio.run(turns(2))[0]
    in_hand[0] = 0
    monkeypatch.setattr(summary, "IDLE_SECONDS", 0.0)
    assert asyncio.run(turns(2))[0].startswith("idle: no job for 0 min")


def test_the_last_line_comes_with_the_end(caplog: pytest.LogCaptureFixture) -> None:
    """What happened since the last line is not lost when the worker ends."""
    caplog.set_level(logging.INFO)
    events = Events()
    activity = Activity(events)

    async def scenario() -> None:
        task = asyncio.create_task(summarise(activity, lambda: 0))
        await asyncio.sleep(0)
        events.tell(DONE)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(scenario())
    assert "done 1 " in caplog.text
