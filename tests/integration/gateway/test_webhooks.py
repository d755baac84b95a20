"""Webhooks over HTTP: made, called with signatures, repeated after failures, and never misled."""

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import requests
from redis import Redis
from standardwebhooks import Webhook

from rerankq import RerankClient
from rerankq.contract import NewWebhook, TryOutcome
from running.gateway import GatewayProcess
from running.outbox import make_due
from running.receiver import Call, Receiver
from running.redis_server import RedisServer
from running.waiting import eventually

LOCAL: Final = {
    "RERANKQ_GATEWAY_WEBHOOK_HTTP": "1",
    "RERANKQ_GATEWAY_WEBHOOK_NETWORKS": "127.0.0.1",
}


@pytest.fixture(scope="module")
def _calling(
    _redis: RedisServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[GatewayProcess]:
    with GatewayProcess(tmp_path_factory.mktemp("calls"), _redis.url, **LOCAL) as gateway:
        yield gateway


@pytest.fixture
def calling(_calling: GatewayProcess, redis_url: str) -> GatewayProcess:
    """A gateway that may call this machine, with an empty ledger."""
    assert redis_url
    return _calling


@pytest.fixture
def client(redis_url: str) -> Iterator[RerankClient]:
    """The operator's client."""
    with RerankClient(redis_url) as made:
        yield made


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Receives the calls."""
    with Receiver() as made:
        yield made


def created(gateway: GatewayProcess, url: str, **fields: Any) -> NewWebhook:
    """A webhook, made over HTTP."""
    answer = requests.post(f"{gateway.url}/v1/webhooks", json={"url": url, **fields}, timeout=60)
    assert answer.status_code == 201, answer.text
    assert answer.headers["location"] == f"/v1/webhooks/{answer.json()['id']}"
    return NewWebhook.parse(answer.content)


def ended_batch(client: RerankClient) -> str:
    """A batch that has ended."""
    with client.batch() as batch:
        pass
    return batch.id


def verified(call: Call, secret: str) -> Any:
    """The event of a call, whose signature is right."""
    return Webhook(secret).verify(call.body, dict(call.headers))


def outcomes(client: RerankClient, webhook: str) -> list[TryOutcome]:
    """Of its calls, the oldest first."""
    return [each.outcome for each in reversed(client.webhooks.log(webhook))]


def test_the_end_of_a_batch_arrives_signed(
    calling: GatewayProcess, client: RerankClient, receiver: Receiver
) -> None:
    """A receiver gets one call with the event's id, which verifies with the webhook's secret."""
    webhook = created(calling, receiver.url)
    batch = ended_batch(client)
    (call,) = receiver.came(1)
    event = verified(call, webhook.secret)
    assert (event["type"], event["data"]) == ("batch.completed", {"id": batch})
    assert event["id"] == call.headers["webhook-id"]
    assert call.path == "/hook"
    eventually(lambda: client.webhooks.log(webhook.id), "it is noted")
    at = f"{calling.url}/v1/webhooks/{webhook.id}"
    (row,) = requests.get(f"{at}/log", timeout=60).json()["data"]
    assert (row["outcome"], row["status"], row["attempt"]) == ("delivered", 204, 1)
    assert "secret" not in requests.get(at, timeout=60).json()
    (listed,) = requests.get(f"{calling.url}/v1/webhooks", timeout=60).json()["data"]
    assert listed["id"] == webhook.id
    # Sent again on demand, with the same id.
    told = requests.post(f"{at}/replay", json={"event_id": event["id"]}, timeout=60)
    assert told.json() == {"id": webhook.id, "replayed": 1}
    assert receiver.came(2)[1].headers["webhook-id"] == event["id"]


def test_a_job_tells_the_webhook_that_it_names(
    calling: GatewayProcess, client: RerankClient, receiver: Receiver
) -> None:
    """A job over HTTP may name a webhook; one that there is not refuses it."""
    webhook = created(calling, receiver.url, events=[])
    job = {"query": "q", "documents": ["a"], "callbacks": [{"webhook": webhook.id}]}
    answer = requests.post(f"{calling.url}/v1/jobs", json=job, timeout=60)
    assert answer.status_code == 201, answer.text
    client.cancel(answer.json()["id"])
    event = verified(receiver.came(1)[0], webhook.secret)
    assert (event["type"], event["data"]["id"]) == ("job.cancelled", answer.json()["id"])
    unknown = {**job, "callbacks": [{"webhook": "wh_unknown"}]}
    refused = requests.post(f"{calling.url}/v1/jobs", json=unknown, timeout=60)
    assert (refused.status_code, refused.json()["error"]["param"]) == (422, "callbacks")


def test_two_signatures_while_a_secret_is_replaced(
    calling: GatewayProcess, client: RerankClient, receiver: Receiver
) -> None:
    """After a rotation receivers with the old and with the new secret both accept the call."""
    webhook = created(calling, receiver.url)
    at = f"{calling.url}/v1/webhooks/{webhook.id}/rotate"
    rotated = requests.post(at, json={"overlap_seconds": 600}, timeout=60).json()
    ended_batch(client)
    (call,) = receiver.came(1)
    assert verified(call, webhook.secret) == verified(call, rotated["secret"])


@pytest.mark.parametrize("fault", ["500", "closed", "redirect", "endless"])
def test_only_2xx_is_a_delivery(
    calling: GatewayProcess, client: RerankClient, receiver: Receiver, redis: Redis, fault: str
) -> None:
    """Errors, broken connections and redirects are tried again; nothing is followed or read on."""
    elsewhere = receiver.url.replace("/hook", "/elsewhere")
    first: tuple[int, dict[str, str]] = {
        "500": (500, {"retry-after": "1"}),
        "closed": (0, {}),
        "redirect": (307, {"location": elsewhere}),
        "endless": (500, {}),
    }[fault]
    receiver.endless = fault == "endless"
    receiver.answer = lambda number: first if number == 1 else (200, {})
    webhook = created(calling, receiver.url)
    ended_batch(client)
    eventually(lambda: outcomes(client, webhook.id) == [TryOutcome.FAILED], "the first failed")
    assert client.webhooks.get(webhook.id).failing_since
    make_due(redis)
    calls = receiver.came(2)
    eventually(lambda: len(outcomes(client, webhook.id)) == 2, "the second is noted")
    assert outcomes(client, webhook.id)[1] is TryOutcome.DELIVERED
    assert {each.path for each in calls} == {"/hook"}
    assert len({each.headers["webhook-id"] for each in calls}) == 1
    assert client.webhooks.get(webhook.id).failing_since is None


def test_410_ends_the_calls(
    calling: GatewayProcess, client: RerankClient, receiver: Receiver
) -> None:
    """A receiver that answers 410 is not called again until the webhook is enabled."""
    receiver.answer = lambda number: (410 if number == 1 else 204, {})
    webhook = created(calling, receiver.url)
    ended_batch(client)
    eventually(lambda: client.webhooks.get(webhook.id).disabled, "it is disabled")
    ended_batch(client)
    at = f"{calling.url}/v1/webhooks/{webhook.id}"
    assert requests.post(f"{at}/enable", timeout=60).json().get("disabled") is None
    last = ended_batch(client)
    assert verified(receiver.came(2)[1], webhook.secret)["data"]["id"] == last


def test_a_killed_sender_loses_no_call(
    tmp_path: Path, own_redis: RedisServer, receiver: Receiver
) -> None:
    """When the gateway is killed within a call, or before it is noted, another makes it again."""
    client = RerankClient(own_redis.url)
    webhook = client.webhooks.create(receiver.url)
    with GatewayProcess(tmp_path, own_redis.url, **LOCAL) as gateway:

        def killed(_: int) -> tuple[int, dict[str, str]]:
            gateway.stop(signal.SIGKILL)
            return 204, {}

        receiver.answer = killed
        ended_batch(client)
        receiver.came(1)
        eventually(lambda: gateway.process is None, "it is killed")
    assert client.webhooks.log(webhook.id) == ()
    receiver.answer = lambda _: (204, {})
    with own_redis.client() as redis:
        make_due(redis)  # its lease is over
    with GatewayProcess(tmp_path, own_redis.url, **LOCAL):
        calls = receiver.came(2)
        eventually(lambda: client.webhooks.log(webhook.id), "it is noted")
    assert len({each.headers["webhook-id"] for each in calls}) == 1
    assert client.webhooks.log(webhook.id)[0].attempt == 2
    client.close()


def test_private_addresses_are_not_called(
    tmp_path: Path, own_redis: RedisServer, receiver: Receiver
) -> None:
    """A gateway refuses such a URL at once, and does not call one that was made elsewhere."""
    https = receiver.url.replace("http:", "https:")
    with (
        GatewayProcess(tmp_path, own_redis.url) as gateway,
        RerankClient(own_redis.url) as client,
    ):
        for url in (
            *(receiver.url, "https://127.0.0.1/x", "https://2130706433/", "https://[::1]/"),
            "https://169.254.169.254/latest",
        ):
            answer = requests.post(f"{gateway.url}/v1/webhooks", json={"url": url}, timeout=60)
            assert (answer.status_code, answer.json()["error"]["param"]) == (422, "url"), url
        by_name = client.webhooks.create(https.replace("127.0.0.1", "localhost"))
        by_address = client.webhooks.create(receiver.url)
        ended_batch(client)
        eventually(lambda: client.webhooks.log(by_name.id), "a try is noted")
        eventually(lambda: client.webhooks.log(by_address.id), "a try is noted")
        reasons = [client.webhooks.log(each.id)[0].reason for each in (by_name, by_address)]
    assert "private address" in reasons[0]
    assert "https" in reasons[1]
    assert not receiver.calls


def test_webhooks_need_their_scope_and_are_the_tenants(
    tmp_path: Path, redis_url: str, client: RerankClient
) -> None:
    """Only `operate` may touch them; another tenant's is not found; the secret is shown once."""
    tokens = {
        name: client.tokens.create(tenant=name, scopes=["operate", "submit"]).secret
        for name in ("mine", "other")
    }
    reader = client.tokens.create(tenant="mine", scopes=["read", "submit"]).secret
    with GatewayProcess(tmp_path, redis_url) as gateway:

        def call(method: str, path: str, token: str, body: Any = None) -> requests.Response:
            headers = {"Authorization": f"Bearer {token}"}
            url = f"{gateway.url}/v1/webhooks{path}"
            return requests.request(method, url, json=body, headers=headers, timeout=60)

        body = {"url": "https://example.com/"}
        assert call("POST", "", reader, body).status_code == 403
        made = call("POST", "", tokens["mine"], body).json()
        assert made["tenant"] == "mine"
        at = f"/{made['id']}"
        for method, path in (
            *(("GET", at), ("DELETE", at), ("GET", f"{at}/log"), ("POST", f"{at}/rotate")),
            *(("POST", f"{at}/enable"), ("POST", f"{at}/replay")),
        ):
            answer = call(method, path, tokens["other"], {"since": 0} if method == "POST" else None)
            assert (answer.status_code, answer.json()["error"]["code"]) == (
                404,
                "webhook_not_found",
            ), path
        assert call("GET", "", tokens["other"]).json()["data"] == []
        assert call("DELETE", at, tokens["mine"]).json()["deleted"] is True
        assert call("GET", at, tokens["mine"]).status_code == 404
        for wrong in (
            {},
            {"url": 1},
            {"url": "x"},
            {**body, "events": ["x"]},
            {**body, "events": 1},
        ):
            assert call("POST", "", tokens["mine"], wrong).status_code == 422, wrong
        assert made["secret"] not in gateway.log()
        assert json.dumps(made["secret"]) not in call("GET", "", tokens["mine"]).text
