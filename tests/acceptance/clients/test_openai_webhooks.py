"""OpenAI's clients read the webhooks of batches by `webhooks.unwrap`."""

import base64
import json
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from standardwebhooks import Webhook

from running.foreign_clients import Deployment, run
from running.receiver import Call, Receiver

KINDS: Final = ("cancelled", "completed", "expired", "failed")
AGE: Final = timedelta(minutes=6)
"""OpenAI's clients take calls of the last five minutes."""

Told = dict[str, tuple[Call, str]]


@pytest.fixture(scope="module")
def told(deployment: Deployment) -> tuple[str, Told]:
    """The secret of a webhook, and its calls for four batches, each with the batch's id."""
    client = deployment.client.for_tenant("tenant-with-webhooks")
    with Receiver() as receiver:
        webhook = client.webhooks.create(receiver.url)
        ids = {kind: client.open_batch() for kind in ("completed", "failed", "cancelled")}
        # Nobody seals it: it ends at its deadline, by a sweep of the worker.
        ids["expired"] = client.open_batch(deadline_seconds=0.1)
        ids["completed"].seal()
        ids["failed"].abandon()
        ids["cancelled"].cancel()
        calls = {json.loads(each.body)["type"]: each for each in receiver.came(4)}
        client.webhooks.remove(webhook.id)
    return webhook.secret, {kind: (calls[f"batch.{kind}"], ids[kind].id) for kind in KINDS}


def task(call: Call, secret: str, **headers: str) -> dict[str, Any]:
    """A call for a program, with other headers or another secret."""
    return {
        "body": call.body.decode(),
        "headers": dict(call.headers) | {name.replace("_", "-"): v for name, v in headers.items()},
        "secret": secret,
    }


@pytest.mark.parametrize(
    ("environment", "program"), [("openai", "openai_webhooks.py"), ("npm", "openai_webhooks.mjs")]
)
def test_every_end_of_a_batch_is_read(
    told: tuple[str, Told], environment: str, program: str
) -> None:
    """The client gets the type and the batch's id of each; in Python as a class of its own."""
    secret, calls = told
    found = run(program, environment, [task(call, secret) for call, _ in calls.values()])
    for kind, said in zip(KINDS, found, strict=True):
        call, batch_id = calls[kind]
        assert (said["type"], said["id"]) == (f"batch.{kind}", batch_id)
        assert said["event"] == call.headers["webhook-id"]
        if environment == "openai":
            assert said["class"] == f"Batch{kind.title()}WebhookEvent"
            assert (said["object"], type(said["created_at"])) == ("event", int)


@pytest.mark.parametrize(
    ("environment", "program"), [("openai", "openai_webhooks.py"), ("npm", "openai_webhooks.mjs")]
)
def test_what_is_not_signed_so_is_refused(
    told: tuple[str, Told], environment: str, program: str
) -> None:
    """Another secret, another body, a wrong signature, and a right one of an old call."""
    secret, calls = told
    call, _ = calls["completed"]
    other = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
    old = datetime.now(UTC) - AGE
    by_old = Webhook(secret).sign(call.headers["webhook-id"], old, call.body.decode())
    tasks = [
        task(call, other),
        task(call, secret) | {"body": call.body.decode() + " "},
        task(call, secret, webhook_signature="v1,AAAA"),
        task(call, secret, webhook_timestamp=str(int(old.timestamp()))),
        task(
            call,
            secret,
            webhook_timestamp=str(int(old.timestamp())),
            webhook_signature=by_old,
        ),
    ]
    assert run(program, environment, tasks) == [{"refused": True}] * len(tasks)
