"""The console beside a real Redis: sessions, and acts that reach the ledger."""

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import requests
from redis import Redis

from rerankq import RerankClient
from running.gateway import GatewayProcess
from running.waiting import eventually


class Person:
    """Somebody with a browser, who has signed in with a token."""

    def __init__(self, gateway: GatewayProcess, token: str) -> None:
        self.url = f"{gateway.url}/console"
        self.session = requests.Session()
        entry = self.session.get(f"{self.url}/sign-in", timeout=60)
        self.entered = self.press("/sign-in", entry.text, token=token)

    def look(self, path: str) -> requests.Response:
        """Load a page, and follow where it leads."""
        return self.session.get(self.url + path, timeout=60)

    def press(self, path: str, page: str, **fields: str) -> requests.Response:
        """Send a form of a page that was loaded."""
        found = re.search(r'name="csrf" value="(\w+)"', page)
        assert found
        return self.session.post(self.url + path, {"csrf": found[1], **fields}, timeout=60)


@pytest.fixture
def client(redis_url: str) -> Iterator[RerankClient]:
    """The operator's client."""
    with RerankClient(redis_url) as found:
        yield found


def test_a_session_ends_with_its_token(
    tmp_path: Path, redis_url: str, client: RerankClient
) -> None:
    """It works until the token is revoked, opens nothing of the API, and Redis has no secret."""
    made = client.tokens.create(tenant=None, scopes=["read"])
    with GatewayProcess(tmp_path, redis_url) as gateway, Redis.from_url(redis_url) as redis:
        person = Person(gateway, made.secret)
        assert person.entered.url == person.url
        cookies = {each.name.split("-")[1]: each.value or "" for each in person.session.cookies}
        keys = [key for key in redis.scan_iter("*session*") if isinstance(key, bytes)]
        assert len(keys) == 1
        stored = keys[0] + (redis.get(keys[0]) or b"")
        assert cookies["session"].encode() not in stored
        assert made.secret.encode() not in stored
        assert 0 < redis.ttl(keys[0]) <= 12 * 3600
        api = person.session.get(f"{gateway.url}/v1/jobs", timeout=60)
        assert api.status_code == 401
        client.tokens.revoke(made.id)
        eventually(lambda: person.look("").url.endswith("back=%2Fconsole"), "it has ended")
        assert made.secret not in gateway.log()
        assert cookies["session"] not in gateway.log()


def _is_in(client: RerankClient, state: str) -> bool:
    return client.batch("catalogue").status().state == state


def test_acts_reach_the_ledger(tmp_path: Path, redis_url: str, client: RerankClient) -> None:
    """What is pressed is done, by whom is noted, and the page that follows says so."""
    made = client.tokens.create(tenant=None, scopes=["read", "submit", "operate"])
    with client.batch("catalogue", expected=1) as batch:
        job = batch.add(query="q", documents=["d"])
    with GatewayProcess(tmp_path, redis_url) as gateway:
        person = Person(gateway, made.secret)
        page = person.look("/batches/catalogue").text
        for act, state in (("pause", "paused"), ("resume", "running"), ("cancel", "cancelled")):
            told = person.press(f"/batches/catalogue/{act}", page)
            assert told.status_code == 200
            eventually(partial(_is_in, client, state), state)
        assert client.status(job.id).state == "cancelled"
        results = person.look("/batches/catalogue/results")
        assert results.headers["content-disposition"].startswith("attachment")
        assert job.id in results.text
        audit = person.look("/audit").text
        for each in ("console.sign_in", "batch.pause", "batch.resume", "batch.cancel"):
            assert each in audit
        assert f"token {made.id}" in audit


def test_a_tenant_sees_only_its_own(tmp_path: Path, redis_url: str, client: RerankClient) -> None:
    """Another tenant's job is not found, is in no list, and cannot be cancelled."""
    mine = client.for_tenant("mine").submit(query="a query", documents=["one"])
    other = client.for_tenant("other").submit(query="a query", documents=["one"])
    made = client.tokens.create(tenant="mine", scopes=["read", "submit"])
    with GatewayProcess(tmp_path, redis_url) as gateway:
        person = Person(gateway, made.secret)
        listed = person.look("/jobs").text
        assert mine.id in listed
        assert other.id not in listed
        assert person.look(f"/jobs/{other.id}").status_code == 404
        assert person.press(f"/jobs/{other.id}/cancel", listed).status_code == 404
        assert client.status(other.id).state == "queued"
        assert person.press(f"/jobs/{mine.id}/cancel", listed).status_code == 200
        assert client.status(mine.id).state == "cancelled"


def test_it_can_be_turned_off(tmp_path: Path, redis_url: str) -> None:
    """Then there is no such page."""
    off = {"RERANKQ_GATEWAY_CONSOLE": "false"}
    with GatewayProcess(tmp_path, redis_url, **off) as gateway:
        assert requests.get(f"{gateway.url}/console", timeout=60).status_code == 404
