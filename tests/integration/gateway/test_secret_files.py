"""A whole service whose secrets are in files alone."""

from pathlib import Path
from typing import Any

import requests

from running.flower import USER, flower, workers_seen
from running.gateway import GatewayProcess
from running.redis_server import RedisServer
from running.sandbox import RunningSandbox
from running.waiting import eventually
from running.worker import RunningWorker

PASSWORD = "p@ss/w#rd"  # noqa: S105
KEY = "sk-of-a-file-0123"
TOKEN = f"rk_{'in-a-file-' * 5}"
CALL = {"query": "q", "documents": ["a", "b"], "model": "m"}


def test_a_service_gets_all_its_secrets_from_files(own_redis: RedisServer, tmp_path: Path) -> None:
    """Worker, gateway and Flower work with them, in their children too, and show none of them."""
    values = {
        "RERANKQ_REDIS_PASSWORD": PASSWORD,
        "RERANKQ_GATEWAY_TOKENS": TOKEN,
        "RERANKQ_FLOWER_AUTH": ":".join(USER),
        "RERANKQ_API_KEYS": KEY,
    }
    for name, value in values.items():
        (tmp_path / name).write_text(f"{value}\n", "utf-8")
    files: dict[str, Any] = {f"{name}_FILE": str(tmp_path / name) for name in values}
    with own_redis.client() as redis:
        redis.config_set("requirepass", PASSWORD)
    with (
        RunningSandbox(keys=(KEY,)) as upstream,
        # Both lanes: they are processes of their own.
        RunningWorker(
            own_redis.url, upstream.url, tmp_path, lane="", api_key="", environment=files
        ) as worker,
        flower(own_redis.url, tmp_path / "flower.log", **files) as (pages, _),
        GatewayProcess(tmp_path, own_redis.url, "--workers", "2", **files) as gateway,
    ):
        url = f"{gateway.url}/v1/rerank"
        headers = {"Authorization": f"Bearer {TOKEN}"}
        assert requests.post(url, json=CALL, timeout=60).status_code == 401
        answer = requests.post(url, json=CALL, headers=headers, timeout=60)
        assert len(answer.json()["results"]) == 2, answer.text
        assert eventually(lambda: workers_seen(pages), "Flower sees the workers")
        shown = worker.log() + gateway.log() + (tmp_path / "flower.log").read_text()
    assert not [each for each in (PASSWORD, TOKEN, KEY, USER[1]) if each in shown]
