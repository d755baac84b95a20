"""Nothing private in the output of worker and gateway, whatever their level."""

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import requests
from redis import Redis

from rerankq import RerankClient
from rerankq.contract import Scope
from rerankq.errors import JobFailed
from running.gateway import GatewayProcess
from running.receiver import Receiver
from running.redis_server import RedisServer
from running.sandbox import RunningSandbox
from running.waiting import eventually
from running.worker import RunningWorker

PASSWORD = "pass-CANARY-word"  # noqa: S105  made up here
KEY = "sk-CANARY-0123456789-abcdefghij"
QUERY = "a question of the CANARY"
DOCUMENTS = ["a document of the CANARY", "金丝雀的文件 CANARY"]


@pytest.fixture
def redis_url(tmp_path: Path) -> Iterator[str]:
    """A Redis with a password."""
    with RedisServer(tmp_path) as server:
        with server.client() as client:
            client.config_set("requirepass", PASSWORD)
        yield server.url.replace("redis://", f"redis://:{PASSWORD}@")


def call_in_every_way(gateway: GatewayProcess, token: str, hook: str) -> str:
    """Ask the gateway for much, right and wrong; returns the secret of a webhook."""
    job = {"query": QUERY, "documents": DOCUMENTS, "metadata": {"who": "CANARY"}}
    with requests.Session() as http:
        http.headers["Authorization"] = f"Bearer {token}"

        def call(method: str, path: str, **given: Any) -> requests.Response:
            return http.request(method, f"{gateway.url}{path}", timeout=60, **given)

        made = call("POST", "/v1/webhooks", json={"url": f"{hook}?key=CANARY"}).json()
        rerank = {"query": QUERY, "documents": DOCUMENTS}
        assert call("POST", "/v1/rerank", json=rerank).ok
        assert call("POST", "/v1/jobs?wait=20", json=job).ok
        batch = call("POST", "/v1/batches", json={"metadata": {"who": "CANARY"}}).json()["id"]
        lines = "\n".join(json.dumps(job) for _ in range(5))
        assert call("POST", f"/v1/batches/{batch}/jobs", data=lines.encode()).ok
        assert call("POST", f"/v1/batches/{batch}/seal").ok
        assert "event: ended" in call("GET", f"/v1/batches/{batch}/events").text
        assert "CANARY" in call("GET", f"/v1/batches/{batch}/results").text
        line = {"custom_id": "1", "method": "POST", "url": "/v1/rerank", "body": rerank}
        upload = {"file": ("CANARY.jsonl", json.dumps(line).encode())}
        assert call("POST", "/v1/files", data={"purpose": "batch"}, files=upload).ok
        for wrong in (
            call("POST", "/v1/rerank", data=f'{{"query": "{QUERY}'),
            call("POST", "/v1/rerank", json={"query": QUERY, "documents": [{"CANARY": QUERY}]}),
            call("GET", "/v1/jobs/CANARY-of-another"),
            call("GET", "/CANARY/of/nobody?query=CANARY"),
            call("GET", "/v1/jobs/x", headers={"Authorization": f"Bearer {KEY}"}),
        ):
            assert 400 <= wrong.status_code < 500
    return str(made["secret"])


def test_no_line_of_any_library_shows_what_is_private(redis_url: str, tmp_path: Path) -> None:
    """At level debug neither worker nor gateway shows a document, query, key, token or password."""
    with (
        Receiver() as hooks,
        RunningSandbox(keys=(KEY,)) as upstream,
        RunningWorker(
            redis_url, upstream.url, tmp_path, lane="", api_key=KEY, log_level="debug"
        ) as worker,
        GatewayProcess(
            tmp_path,
            redis_url,
            "--log-level",
            "debug",
            "--log-format",
            "json",
            RERANKQ_GATEWAY_WEBHOOK_HTTP="1",
            RERANKQ_GATEWAY_WEBHOOK_NETWORKS="127.0.0.0/8",
            RERANKQ_GATEWAY_FILES_DIR=str(tmp_path),
        ) as gateway,
        RerankClient(redis_url) as client,
        Redis.from_url(redis_url) as judge,
    ):
        token = client.tokens.create(tenant="acme", scopes=list(Scope), name="t").secret
        hooks.answer = lambda number: (500 if number == 1 else 204, {})
        secret = call_in_every_way(gateway, token, hooks.url)
        hooks.came(1)
        # The upstream quotes what it was sent, and what a broker's message holds is of any kind.
        quoting = {"error": {"message": " ".join(DOCUMENTS), "code": QUERY}, "request_id": "CANARY"}
        for status in (400, 500):
            action = {"kind": "status", "status": status, "body": quoting}
            upstream.set_faults({"times": 1, "action": action})
            with suppress(JobFailed):
                client.submit(query=QUERY, documents=DOCUMENTS).result(timeout=60)
        judge.lpush("rerankq.bulk", json.dumps({"body": QUERY}))
        judge.client_kill_filter(_type="normal", skipme=True)
        job = client.submit(query="q", documents=["d"])
        assert job.result(timeout=30).results
        eventually(lambda: "put aside" in worker.log(), "the message is put aside")
        assert worker.terminate() == 0
        assert gateway.stop() == 0
        outputs = worker.log(), gateway.log()
    assert all("debug" in output.lower() for output in outputs)
    for output in outputs:
        for private in (
            "CANARY",
            "金丝雀",
            "\\u91d1",
            token,
            secret,
            secret.removeprefix("whsec_"),
        ):
            assert private not in output, next(
                line for line in output.splitlines() if private in line
            )
    seen = [json.loads(line) for line in outputs[1].splitlines()]
    requested = [line for line in seen if line.get("event") == "request.finished"]
    (ranked,) = [
        line for line in requested if line.get("route") == "/v1/rerank" and line["status"] == 200
    ]
    assert (ranked["method"], ranked["tenant"]) == ("POST", "acme")
    assert ranked["job_id"]
    assert ranked["bytes_sent"] > 0
    # The template, and never the path.
    routes = {line.get("route", "none") for line in requested}
    assert {"/v1/jobs/{job_id}", "/v1/batches/{batch_id}/events", "/v1/files", "none"} <= routes
