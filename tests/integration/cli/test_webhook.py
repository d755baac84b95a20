"""`rerankq webhook`."""

import json
from collections.abc import Iterator

import pytest

from rerankq import RerankClient
from running.command_line import CommandLine

URL = "https://example.com/hook"


@pytest.fixture
def client(redis_url: str) -> Iterator[RerankClient]:
    """A client of the same ledger."""
    with RerankClient(redis_url) as made:
        yield made


def test_a_webhook_is_made_rotated_and_removed(rerankq: CommandLine, client: RerankClient) -> None:
    """The secret alone is on stdout, at its making and at each rotation; no list shows it."""
    made = rerankq("webhook", "create", URL, "--tenant", "acme", "--event", "batch.failed")
    assert made.returncode == 0, made.stderr
    assert made.stdout.startswith("whsec_")
    (found,) = client.webhooks.list()
    assert found.id in made.stderr
    assert (found.tenant, found.url, found.events) == ("acme", URL, ("batch.failed",))
    listed = rerankq("webhook", "list").stdout
    assert found.id in listed
    assert "whsec_" not in listed
    assert rerankq("webhook", "list", "--tenant", "other").stdout.startswith("no webhooks")
    rotated = rerankq("webhook", "rotate", found.id, "--overlap", "1", "--json")
    assert json.loads(rotated.stdout)["secret"] != made.stdout.strip()
    assert rerankq("webhook", "log", found.id).stdout.strip() == "no calls yet"
    assert rerankq("webhook", "enable", found.id).returncode == 0
    assert "0 events" in rerankq("webhook", "replay", found.id, "--hours", "12").stdout
    assert rerankq("webhook", "remove", found.id).returncode == 0
    assert client.webhooks.list() == ()


@pytest.mark.parametrize(
    "words",
    [
        *(("remove", "wh_x"), ("log", "wh_x"), ("create", "no-url"), ("replay", "wh_x")),
        ("create", URL, "--only-named", "--event", "batch.failed"),
    ],
)
def test_what_cannot_be_done_is_said(rerankq: CommandLine, words: tuple[str, ...]) -> None:
    """An unknown webhook, a wrong URL and contradictory options each give one sentence."""
    done = rerankq("webhook", *words)
    assert done.returncode != 0
    assert done.stderr
    assert "Traceback" not in done.stderr
