"""What Flower shows of jobs of which it has not heard everything."""

from collections.abc import Callable
from pathlib import Path

import requests

from rerankq import RerankClient
from rerankq.contract import RerankResult
from running.flower import USER, flower, workers_seen
from running.redis_server import RedisServer
from running.sandbox import RunningSandbox
from running.waiting import eventually
from running.worker import RunningWorker

AUTH = ":".join(USER)


def told(address: str, job_id: str) -> dict[str, object]:
    """What its API says of a job; nothing if it does not know it."""
    answer = requests.get(f"{address}/api/task/info/{job_id}", auth=USER, timeout=30)
    return dict(answer.json()) if answer.ok else {}


def is_shown(address: str, job_id: str, state: str) -> Callable[[], bool]:
    """Whether it shows this state."""
    return lambda: told(address, job_id).get("state") == state


def test_flower_is_true_after_a_restart(own_redis: RedisServer, tmp_path: Path) -> None:
    """It shows again what it has seen, and the ends that it has missed, whoever brought them."""
    url, log = own_redis.url, tmp_path / "log"
    with (
        RunningSandbox(keys=("sk-test",)) as upstream,
        RerankClient(url) as client,
    ):

        def submit(custom_id: str) -> str:
            return client.submit(query="q", documents=["d"], custom_id=custom_id).id

        with (
            RunningWorker(url, upstream.url, tmp_path) as first,
            flower(url, log, RERANKQ_FLOWER_AUTH=AUTH) as (address, _),
        ):
            eventually(lambda: workers_seen(address), "the worker is seen")
            seen = submit("seen")
            eventually(lambda: told(address, seen).get("runtime"), "an end is heard")
            upstream.set_faults(
                {"times": 2, "action": {"kind": "delay", "seconds": 60}}
            ).raise_for_status()
            cancelled, orphan = submit("cancelled"), submit("orphan")
            for job in (cancelled, orphan):
                eventually(is_shown(address, job, "STARTED"), "a job has begun")
            eventually(lambda: upstream.stats()["in_flight"] == 2, "both calls have begun")
            node = told(address, orphan)["worker"]
            first.process.kill()
            first.process.wait(30)
        client.cancel(cancelled)
        with RunningWorker(url, upstream.url, tmp_path):
            unheard = submit("unheard")
            for job in (unheard, orphan):
                assert isinstance(client.end(job, 60), RerankResult)
        waits = submit("waits")

        with flower(url, log, RERANKQ_FLOWER_AUTH=AUTH) as (address, _):
            assert told(address, seen)["state"] == "SUCCESS"
            assert told(address, seen)["runtime"]
            eventually(is_shown(address, cancelled, "REVOKED"), "the cancel is found")
            eventually(is_shown(address, orphan, "SUCCESS"), "the end elsewhere is found")
            assert told(address, orphan)["worker"] != node
            assert "'custom_id': 'orphan'" in str(told(address, orphan)["kwargs"])
            listed = requests.get(f"{address}/api/tasks", auth=USER, timeout=30).json()
            assert set(listed) == {seen, cancelled, orphan}
            # Of those it finds what the ledger knows, when somebody asks for them.
            assert told(address, unheard)["state"] == "SUCCESS"
            assert told(address, waits)["exception"] == "it waits for a worker"
            page = requests.get(f"{address}/task/{unheard}", auth=USER, timeout=30)
            assert "&#x27;custom_id&#x27;: &#x27;unheard&#x27;" in page.text
            assert told(address, "no-such-job") == {}
