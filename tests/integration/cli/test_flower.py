import re
from pathlib import Path

import pytest
import requests
from redis import Redis

from running.command import rerankq
from running.flower import USER, flower, workers_seen
from running.redis_server import RedisServer
from running.waiting import eventually
from running.worker import RunningWorker

PAGES = ("/", "/workers", "/tasks", "/broker", "/api/workers?refresh=1", "/api/queues/length")
OPEN_BY_ITSELF = ("/metrics", "/healthcheck", "/static/css/flower.css", "/login", "/no-such-page")
"""What Flower 2.2 shows to everybody."""
CHANGES = (
    "/api/worker/shutdown/{worker}",
    "/api/worker/pool/restart/{worker}",
    "/api/worker/pool/grow/{worker}",
    "/api/worker/pool/shrink/{worker}",
    "/api/worker/pool/autoscale/{worker}",
    "/api/worker/queue/add-consumer/{worker}",
    "/api/worker/queue/cancel-consumer/{worker}",
    "/api/task/apply/rerankq.rerank",
    "/api/task/async-apply/rerankq.rerank",
    "/api/task/send-task/rerankq.rerank",
    "/api/task/abort/some-task",
    "/api/task/timeout/rerankq.rerank",
    "/api/task/rate-limit/rerankq.rerank",
    "/api/task/revoke/some-task",
)
REDIS_PASSWORD = "redis-password"  # noqa: S105  made up here


@pytest.fixture
def guarded_redis(own_redis: RedisServer) -> str:
    """The address of a Redis that wants a password."""
    with own_redis.client() as client:
        client.config_set("requirepass", REDIS_PASSWORD)
    return own_redis.url.replace("redis://", f"redis://:{REDIS_PASSWORD}@")


def test_flower_shows_workers_and_no_secret(guarded_redis: str, tmp_path: Path) -> None:
    """Its pages demand a password and show the lanes; no password is in them or in the log."""
    log = tmp_path / "flower.log"
    with (
        RunningWorker(guarded_redis, "http://127.0.0.1:1/v1/rerank", tmp_path),
        flower(guarded_redis, log, RERANKQ_FLOWER_AUTH=":".join(USER)) as (address, process),
    ):
        for page in PAGES:
            assert requests.get(address + page, timeout=30).status_code == 401
            answer = requests.get(address + page, auth=USER, timeout=30)
            assert answer.status_code == 200
            assert REDIS_PASSWORD not in answer.text
            assert USER[1] not in answer.text
        node = eventually(lambda: workers_seen(address), "the worker is seen")[0]
        # With the worker's settings.
        details = f"{address}/worker/{node}"
        eventually(lambda: requests.get(details, auth=USER, timeout=30).ok, "it is shown")
        settings = requests.get(details, auth=USER, timeout=30).text
        assert "visibility_timeout" in settings.lower().replace(" ", "_")
        assert REDIS_PASSWORD not in settings
        broker = requests.get(f"{address}/broker", auth=USER, timeout=30).text
        assert "rerankq.bulk" in broker
        command = Path(f"/proc/{process}/cmdline")
        if command.exists():
            assert not any(each in command.read_text() for each in (*USER, REDIS_PASSWORD))
    assert not any(each in log.read_text() for each in (USER[1], REDIS_PASSWORD))


def test_nothing_is_open_without_the_password(redis_url: str, tmp_path: Path) -> None:
    """All paths require the password, also the metrics, which name workers and tasks."""
    wrong = [None, (USER[0], "wrong"), ("", ""), (USER[0], "flower-pässword")]
    with flower(redis_url, tmp_path / "log", RERANKQ_FLOWER_AUTH=":".join(USER)) as (address, _):
        for path in (*PAGES, *OPEN_BY_ITSELF):
            for auth in wrong:
                answer = requests.get(address + path, auth=auth, timeout=30)
                assert (path, answer.status_code) == (path, 401)
            for method in ("OPTIONS", "HEAD", "POST"):
                assert requests.request(method, address + path, timeout=30).status_code == 401
            assert requests.get(address + path, auth=USER, timeout=30).status_code != 401
        for broken in ("Basic", "Basic !", "Basic 8J+Y", "Bearer x", "basic"):
            headers = {"Authorization": broken}
            answer = requests.get(f"{address}/metrics", headers=headers, timeout=30)
            assert answer.status_code == 401
        assert "flower_" in requests.get(f"{address}/metrics", auth=USER, timeout=30).text


def test_flower_only_looks_on(redis_url: str, tmp_path: Path) -> None:
    """Every call that would change a worker or a task is refused, and nothing happens."""
    with (
        RunningWorker(redis_url, "http://127.0.0.1:1/v1/rerank", tmp_path) as worker,
        flower(redis_url, tmp_path / "log", RERANKQ_FLOWER_AUTH=":".join(USER)) as (address, _),
        Redis.from_url(redis_url) as judge,
    ):
        workers = eventually(lambda: workers_seen(address), "the worker is seen")
        for change in CHANGES:
            action = change.format(worker=workers[0])
            answer = requests.post(address + action, auth=USER, json={"args": []}, timeout=30)
            assert (action, answer.status_code) == (action, 403)
        # For each page it asks the worker again, and has none if no answer comes within a second.
        page = f"{address}/worker/{workers[0]}"
        eventually(lambda: requests.get(page, auth=USER, timeout=30).ok, "the worker is shown")
        assert judge.llen("rerankq.bulk") == 0
        assert "Got shutdown from remote" not in worker.log()
        assert worker.process.poll() is None


def test_flower_makes_up_a_password(redis_url: str, tmp_path: Path) -> None:
    """Without RERANKQ_FLOWER_AUTH, a user and a password are shown once, and are accepted."""
    log = tmp_path / "flower.log"
    with flower(redis_url, log) as (address, _):
        shown = re.search(r"user (\S+), password (\S+), generated", log.read_text())
        assert shown
        assert requests.get(address, auth=(shown[1], shown[2]), timeout=30).status_code == 200
        port = address.rpartition(":")[2]
        second = rerankq("flower", "--port", port, RERANKQ_REDIS_URL=redis_url)
    assert second.returncode == 2
    assert second.stderr == f"rerankq: cannot listen on 127.0.0.1:{port}: Address already in use\n"


def test_a_malformed_authentication_is_refused(redis_url: str) -> None:
    """RERANKQ_FLOWER_AUTH must be user:password; a wrong one is named and not shown."""
    done = rerankq("flower", RERANKQ_REDIS_URL=redis_url, RERANKQ_FLOWER_AUTH="no-colon")
    assert done.returncode == 2
    assert done.stderr == ("rerankq: RERANKQ_FLOWER_AUTH: must be user:password, without a comma\n")
