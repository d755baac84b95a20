"""A real worker lets bulk jobs wait in the ledger for the cheap hours of its site."""

from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from rerankq import RerankClient
from running.redis_server import RedisServer
from running.sandbox import RunningSandbox
from running.waiting import eventually
from running.worker import RunningWorker


def test_bulk_waits_and_what_presses_does_not(tmp_path: Path) -> None:
    """A bulk job waits without an attempt, and says until when; others are ranked meanwhile."""
    begin = datetime.now(UTC) + timedelta(hours=8)
    hours = f"{begin:%H:%M}-{begin + timedelta(hours=1):%H:%M}"
    with (
        RedisServer(tmp_path) as redis,
        RunningSandbox(keys=("sk-test",)) as upstream,
        RunningWorker(redis.url, upstream.url, tmp_path, lane="", cheap_hours=hours),
        RerankClient(redis.url) as client,
    ):
        asked = partial(client.submit, query="pen", documents=["a pen", "ink"])
        waiting = asked()
        eventually(
            lambda: [each.code for each in client.why(waiting.id)] == ["cheap_hours"], "it waits"
        )
        pressing = asked(deadline_seconds=7200.0)
        urgent = asked(lane="interactive")
        assert pressing.result(timeout=30).attempts == urgent.result(timeout=30).attempts == 1
        (reason,) = client.why(waiting.id)
        assert reason.until is not None
        assert abs(reason.until - begin.replace(second=0, microsecond=0).timestamp()) < 2
        assert "to cost less" in reason.message
        status = client.status(waiting.id)
        assert (status.state, status.attempts) == ("scheduled", 0)
        assert len(upstream.log()) == 2
