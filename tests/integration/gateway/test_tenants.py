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
            requests.post(url, json=JOB, headers=headers(name) | key, timeout=60)
            for name in ("mine", "other")
        )
        assert (mine.status_code, other.status_code) == (201, 201)
        assert mine.json()["id"] != other.json()["id"]
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


def test_a_tenant_is_told_of_its_quotas(tmp_path: Path, redis_url: str) -> None:
    """Each answer says what is left; what is over a quota gets 429, a disabled tenant 403."""
    with RerankClient(redis_url) as client, GatewayProcess(tmp_path, redis_url) as gateway:
        client.tenants.set("mine", requests=2)
        token = client.tokens.create(tenant="mine", scopes=["submit", "read"])
        headers = {"x-api-key": token.secret}

        def post() -> requests.Response:
            job = JOB | {"lane": "interactive"}
            return requests.post(f"{gateway.url}/v1/jobs", json=job, headers=headers, timeout=60)

        answers = [post() for _ in range(3)]
        assert [each.status_code for each in answers] == [201, 201, 429]
        assert answers[0].headers["ratelimit-policy"] == '"requests";q=2;w=60'
        left = [each.headers["x-ratelimit-remaining-requests"] for each in answers]
        assert left == ["1", "0", "0"]
        refused = answers[-1]
        assert 0 < int(refused.headers["retry-after"]) <= 30
        assert refused.headers["x-rerankq-throttled-by"] == "quota"
        assert refused.json()["error"]["code"] == "quota_exceeded"
        client.tenants.set("mine", disabled=True)
        off = post()
        assert (off.status_code, off.headers["x-should-retry"]) == (403, "false")
        known = f"{gateway.url}{answers[0].headers['location']}"
        assert requests.get(known, headers=headers, timeout=60).status_code == 200
        client.tokens.revoke(token.id)
        assert client.tokens.required()


def test_a_gateway_stays_closed_when_its_last_token_is_gone(tmp_path: Path, redis_url: str) -> None:
    """On the loopback too: only `rerankq token revoke --all` lets everybody call again."""
    with RerankClient(redis_url) as client:
        client.tokens.revoke(client.tokens.create(tenant=None, scopes=["read"]).id)
        with GatewayProcess(tmp_path, redis_url) as gateway:
            assert requests.get(f"{gateway.url}/v1/jobs/x", timeout=60).status_code == 401
        client.tokens.clear()
        with GatewayProcess(tmp_path, redis_url) as gateway:
            assert requests.get(f"{gateway.url}/v1/jobs/x", timeout=60).status_code == 404


def test_who_hands_in_or_operates_may_act(tmp_path: Path, redis_url: str) -> None:
    """`submit` and `operate` each allow to pause, resume and cancel one's own; `read` does not."""
    with RerankClient(redis_url) as client, GatewayProcess(tmp_path, redis_url) as gateway:
        made = {
            (tenant, scope): client.tokens.create(tenant=tenant, scopes=[scope])
            for tenant in ("mine", "other")
            for scope in ("submit", "operate", "read")
        }
        with client.for_tenant("mine").batch("catalogue", expected=1) as batch:
            batch.add(query="a query", documents=["one"])

        def post(tenant: str, scope: str, act: str) -> int:
            headers = {"x-api-key": made[tenant, scope].secret}
            url = f"{gateway.url}/v1/batches/catalogue/{act}"
            return requests.post(url, headers=headers, timeout=60).status_code

        for act, state in (("pause", "paused"), ("resume", "running"), ("cancel", "cancelled")):
            assert post("mine", "read", act) == 403
            assert post("other", "operate", act) == 404
            assert post("mine", "operate", act) == 200
            assert post("mine", "submit", act) == 200
            assert client.batch("catalogue").status().state == state
