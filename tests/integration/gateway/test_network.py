"""How the gateway is reached: by HTTPS, behind a proxy, and in several processes."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import requests
from redis import Redis

from rerankq import RerankClient
from running.certificates import server_context
from running.gateway import GatewayProcess
from running.waiting import eventually

JOB = {"query": "a query", "documents": ["one", "two"]}


def test_https_is_served_with_a_certificate(tmp_path: Path, redis_url: str) -> None:
    """With a certificate and its key the gateway speaks HTTPS, and no HTTP."""
    server_context(tmp_path)
    ca, key = str(tmp_path / "ca.pem"), str(tmp_path / "key.pem")
    with GatewayProcess(tmp_path, redis_url, "--tls-cert", ca, "--tls-key", key) as gateway:
        url = gateway.url.replace("http:", "https:")
        assert "listening on https://" in gateway.log()
        assert requests.get(f"{url}/live", verify=ca, timeout=60).status_code == 200


def test_a_proxy_publishes_it_under_a_path(tmp_path: Path, redis_url: str) -> None:
    """Locations and the description have the path; requests are served with and without it."""
    with GatewayProcess(tmp_path, redis_url, "--root-path", "/rerank-api") as gateway:
        for prefix in ("", "/rerank-api"):
            answer = requests.post(f"{gateway.url}{prefix}/v1/jobs", json=JOB, timeout=60)
            location = answer.headers["location"]
            assert location.startswith("/rerank-api/v1/jobs/")
            assert requests.get(f"{gateway.url}{location}", timeout=60).status_code == 200
        document = requests.get(f"{gateway.url}/openapi.json", timeout=60).json()
        assert document["servers"] == [{"url": "/rerank-api"}]


def test_several_processes_share_a_port_and_a_ledger(tmp_path: Path, redis_url: str) -> None:
    """A key means the same job in each process, and a job is found by each."""
    with GatewayProcess(tmp_path, redis_url, "--workers", "2") as gateway:
        eventually(lambda: _is_ready(gateway), "a process serves", seconds=60)

        def hand_in(number: int) -> str:
            headers = {"Idempotency-Key": f"key-{number % 5}", "Connection": "close"}
            answer = requests.post(f"{gateway.url}/v1/jobs", json=JOB, headers=headers, timeout=60)
            assert answer.status_code in {200, 201}
            return str(answer.json()["id"])

        with ThreadPoolExecutor(8) as pool:
            ids = set(pool.map(hand_in, range(40)))
        assert len(ids) == 5
        with RerankClient(redis_url) as client:
            assert {client.status(each).state for each in ids} == {"queued"}
        assert gateway.stop() == 0


def _is_ready(gateway: GatewayProcess) -> bool:
    try:
        return requests.get(f"{gateway.url}/ready", timeout=10).ok
    except (requests.ConnectionError, requests.Timeout):
        return False


def test_sigterm_in_an_upload_says_where_it_stands(tmp_path: Path, redis_url: str) -> None:
    """An upload that cannot end in time names its batch and the line that comes next."""
    settings = {"RERANKQ_MAX_QUEUE_DEPTH": "100", "RERANKQ_GATEWAY_DRAIN_SECONDS": "0"}
    body = b"\n".join([b'{"query": "q", "documents": ["a"]}'] * 300)
    headers = {"content-type": "application/x-ndjson", "idempotency-key": "k"}
    with GatewayProcess(tmp_path, redis_url, **settings) as gateway, ThreadPoolExecutor(1) as pool:
        uploading = pool.submit(
            requests.post,
            f"{gateway.url}/v1/jobs:batch",
            data=body,
            headers=headers,
            timeout=60,
        )
        with Redis.from_url(redis_url) as redis:
            eventually(lambda: redis.zcard("rerankq:bulk:queued") == 100, "the lane is full")
        assert gateway.stop() == 0
        answer = uploading.result()
        assert (answer.status_code, answer.json()["line"]) == (503, 101)
        assert answer.json()["batch"].startswith("batch-")
