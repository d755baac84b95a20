"""Lists of jobs, timelines and the audit trail over HTTP: scopes, tenants and paging."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from rerankq import RerankClient
from rerankq.contract import NewToken
from running.gateway import GatewayProcess
from running.ledger_desk import LedgerDesk, job
from running.redis_server import RedisServer

Tokens = dict[str, NewToken]


class Caller:
    """Calls the gateway with one of the tokens."""

    def __init__(self, gateway: GatewayProcess, tokens: Tokens, redis_url: str) -> None:
        self._url, self.redis_url = gateway.url, redis_url
        self.tokens = tokens

    def __call__(
        self, whose: str, path: str, method: str = "GET", **query: Any
    ) -> tuple[int, dict[str, Any]]:
        """Status and body of an answer."""
        headers = {"Authorization": f"Bearer {self.tokens[whose].secret}"}
        url = f"{self._url}/v1/{path}"
        answer = requests.request(method, url, params=query, headers=headers, timeout=60)
        return answer.status_code, answer.json()

    def jobs(self, whose: str, **query: Any) -> list[str]:
        """The ids on all pages."""
        found: list[str] = []
        while True:
            status, page = self(whose, "jobs", **query)
            assert status == 200, page
            found += [each["id"] for each in page["jobs"]]
            if page.get("next") is None:
                return found
            query["after"] = page["next"]


@pytest.fixture(scope="module")
def call(_redis: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caller]:
    """A gateway with tokens, and a ledger with jobs of two tenants."""
    with _redis.client() as redis:
        redis.flushall()
    folder: Path = tmp_path_factory.mktemp("gateway")
    with RerankClient(_redis.url) as client, LedgerDesk(_redis.url) as desk:
        tokens = {
            name: client.tokens.create(tenant=tenant, scopes=scopes.split())
            for name, tenant, scopes in (
                ("operator", None, "submit read operate"),
                ("mine", "mine", "submit read operate"),
                ("other", "other", "submit read"),
                ("submitting", "mine", "submit"),
            )
        }
        for tenant in ("mine", "other"):
            desk.submit(*(job(f"{tenant}-{at}", tenant=tenant) for at in range(4)))
            desk.fail(desk.claimed(f"{tenant}-bad", tenant=tenant, metadata={"k": "v=1"}))
            desk.submit(job(f"{tenant}-named", tenant=tenant, custom_id="<script>"))
            desk.cancel(f"{tenant}-named")
        desk.redis.delete("rerankq:workers")  # as if they were long gone
        with GatewayProcess(folder, _redis.url) as gateway:
            yield Caller(gateway, tokens, _redis.url)


def test_jobs_are_listed_over_http(call: Caller) -> None:
    """Filters choose, and pages go on, as in the client; a wrong one is named."""
    waiting = [f"mine-{at}" for at in range(4)]
    assert call.jobs("mine") == [*waiting, "mine-named", "mine-bad"]
    assert call.jobs("mine", limit=1) == [*waiting, "mine-named", "mine-bad"]
    assert call.jobs("mine", state="ended") == ["mine-named", "mine-bad"]
    assert call.jobs("operator", state=["failed"], tenant="other") == ["other-bad"]
    assert call.jobs(
        "operator", state="cancelled", custom_id="<script>", since="2000-01-01T00:00Z"
    ) == [
        "other-named",
        "mine-named",
    ]
    assert call.jobs("operator", metadata="k=v=1") == ["other-bad", "mine-bad"]
    assert call.jobs("operator", until="1000") == []
    for wrong in ({"state": "x"}, {"since": "soon"}, {"after": "x"}, {"metadata": "k"}):
        status, body = call("operator", "jobs", **wrong)
        assert status == 422
        assert next(iter(wrong)) in body["error"]["message"] + str(body["error"].get("param"))


def test_a_tenant_lists_and_sees_its_own(call: Caller) -> None:
    """Another's job is in no list and has no timeline; the scope read is needed."""
    assert call("mine", "jobs", tenant="other")[0] == 422
    assert call.jobs("other", reason="upstream_refused") == ["other-bad"]
    assert call("mine", "jobs/other-bad/timeline")[0] == 404
    status, told = call("mine", "jobs/mine-bad/timeline")
    assert (status, told["job"]["reason"]) == (200, "upstream_refused")
    assert [each["what"] for each in told["steps"]] == ["submitted", "claimed", "failed"]
    _, told = call("mine", "jobs/mine-1/timeline")
    assert told["waits"][0]["code"] == "no_worker"
    assert call("submitting", "jobs")[0] == 403
    assert call("submitting", "jobs/mine-1/timeline")[0] == 403


def test_acts_are_noted_with_their_token(call: Caller) -> None:
    """An operator sees who did what, also what was refused; a tenant sees its own acts."""
    assert call("mine", "jobs/mine-0", "DELETE")[0] == 200
    assert call("other", "jobs/mine-1", "DELETE")[0] == 404
    assert call("operator", "batches/none/pause", "POST")[0] == 404
    status, told = call("operator", "audit", limit=2)
    assert (status, told["has_more"]) == (200, True)
    status, more = call("operator", "audit", after=told["next"])
    found = [
        (e["actor"], e.get("tenant"), e["action"], e["subject"], e["outcome"])
        for e in [*told["data"], *more["data"]]
    ]
    names = {name: f"token {each.id}" for name, each in call.tokens.items()}
    assert found == [
        (names["operator"], None, "batch.pause", "none", "batch_not_found"),
        (names["other"], "other", "job.cancel", "mine-1", "job_not_found"),
        (names["mine"], "mine", "job.cancel", "mine-0", "ok"),
    ]
    _, own = call("mine", "audit")
    assert [each["subject"] for each in own["data"]] == ["mine-0"]
    assert call("other", "audit")[0] == 403
    assert call("mine", "audit", tenant="other")[0] == 422


def test_usage_over_http(call: Caller) -> None:
    """A tenant sees what its own calls have used, an operator all; both need the scope `read`."""
    with LedgerDesk(call.redis_url) as desk:
        for tenant in ("mine", "other"):
            desk.claimed(f"{tenant}-stopped", tenant=tenant)
            desk.cancel(f"{tenant}-stopped")
    status, told = call("operator", "usage", by="day,tenant")
    assert status == 200
    assert [row["tenant"] for row in told["rows"]] == ["mine", "other"]
    assert {row["uncertain_calls"] for row in told["rows"]} == {1}
    _, own = call("mine", "usage", by="tenant")
    assert [row["tenant"] for row in own["rows"]] == ["mine"]
    assert call("mine", "usage", tenant="other")[0] == 422
    assert call("mine", "usage", by="key")[0] == 422
    assert call("submitting", "usage")[0] == 403
    assert call("operator", "usage", **{"from": "2020-01-01", "to": "2020-01-02"})[1]["rows"] == []
