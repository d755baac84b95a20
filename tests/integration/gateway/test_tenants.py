"""Tenants over HTTP: each sees its own jobs and no other's."""

from pathlib import Path

import requests

from rerankq import RerankClient
from running.gateway import GatewayProcess

JOB = {"query": "a query", "documents": ["one", "two"]}


def test_a_tenant_sees_its_own_jobs_alone(tmp_path: Path, redis_url: str) -> None:
    """To another tenant a job is not there; keys of two tenants are two; an id cannot be chosen."""
    with RerankClient(redis_url) as client, GatewayProcess(tmp_path, redis_url) as gateway:
        made = {
            name: client.tokens.create(tenant=name, scopes=["submit", "read"])
            for name in ("mine", "other")
        }
        reading = client.tokens.create(tenant="mine", scopes=["read"])
        url = f"{gateway.url}/v1/jobs"
        key = {"Idempotency-Key": "once"}

        def headers(name: str) -> dict[str, str]:
            return {"Authorization": f"Bearer {made[name].secret}"}

        mine, other = (
            requests.post(url, json={**JOB, "job_id": "x"}, headers=headers(name) | key, timeout=60)
            for name in ("mine", "other")
        )
        assert (mine.status_code, other.status_code) == (201, 201)
        assert len({mine.json()["id"], other.json()["id"], "x"}) == 3
        at = f"{gateway.url}{mine.headers['location']}"
        assert requests.get(at, headers=headers("mine"), timeout=60).status_code == 200
        for method, path in (("GET", ""), ("GET", "/result"), ("GET", "?wait=1"), ("DELETE", "")):
            answer = requests.request(method, at + path, headers=headers("other"), timeout=60)
            assert (answer.status_code, answer.json()["error"]["code"]) == (404, "job_not_found")
        assert client.status(mine.json()["id"]).state == "queued"
        only = {"Authorization": f"Bearer {reading.secret}"}
        assert requests.get(at, headers=only, timeout=60).status_code == 200
        assert requests.post(url, json=JOB, headers=only, timeout=60).status_code == 403
        assert requests.get(at, timeout=60).status_code == 401
