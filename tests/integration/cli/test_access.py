"""`rerankq token` and `rerankq tenant`."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from rerankq import RerankClient
from rerankq.contract import Scope
from running.command_line import CommandLine
from running.stand_in_worker import StandInWorker


@pytest.fixture
def client(redis_url: str) -> Iterator[RerankClient]:
    """A client of the same ledger."""
    with RerankClient(redis_url) as made:
        yield made


def test_a_token_alone_is_on_stdout(rerankq: CommandLine, client: RerankClient) -> None:
    """A script can keep what `token create` prints; what it may do is told on stderr."""
    done = rerankq("token", "create", "--tenant", "acme", "--name", "crawler", "--days", "30")
    assert done.returncode == 0, done.stderr
    found = client.tokens.find(done.stdout.strip())
    assert found is not None
    assert (found.tenant, found.scopes) == ("acme", frozenset({Scope.SUBMIT, Scope.READ}))
    assert "may submit, read, until" in done.stderr
    assert "tenant acme is new and has no limits" in done.stderr
    operator = rerankq("token", "create", "--scope", "operate", "--json")
    made = json.loads(operator.stdout)
    assert made["scopes"] == ["operate"]
    assert client.tokens.find(made["secret"])


def test_tokens_are_listed_and_revoked(rerankq: CommandLine, client: RerankClient) -> None:
    """The list has ids and no secrets; a revoked id is gone, and an unknown one is an error."""
    assert "no tokens" in rerankq("token", "list").stdout
    made = client.tokens.create(tenant="acme", scopes=["read"], name="[b]x")
    client.tokens.create(tenant="other", scopes=["read"])
    listed = rerankq("token", "list", "--tenant", "acme").stdout
    assert made.id in listed
    assert "[b]x" in listed
    assert made.secret not in listed
    (line,) = rerankq("token", "list", "--tenant", "acme", "--json").stdout.splitlines()
    assert json.loads(line)["id"] == made.id
    assert "secret" not in json.loads(line)
    assert rerankq("token", "revoke", made.id).stdout == f"revoked: {made.id}\n"
    again = rerankq("token", "revoke", made.id)
    assert (again.returncode, again.stdout) == (2, "")
    assert "rerankq token list" in again.stderr
    assert rerankq("token", "revoke").returncode == 2
    assert rerankq("token", "revoke", "--all").stdout == "1 tokens revoked\n"
    assert not client.tokens.required()


def test_a_limit_is_set_lifted_and_left(rerankq: CommandLine) -> None:
    """`tenant set` changes what is given, `none` lifts a limit, and all else stays as it was."""
    assert "no tenants" in rerankq("tenant", "list").stdout
    rerankq("tenant", "set", "acme", "--requests", "600", "--in-flight", "20", "--disable")
    rerankq("tenant", "set", "acme", "--weight", "2.5", "--in-flight", "none")
    shown = json.loads(rerankq("tenant", "show", "acme", "--json").stdout)
    del shown["created_at"]
    assert shown.pop("use")["queued"] == 0
    assert shown == {
        "name": "acme",
        "weight": 2.5,
        "requests": 600,
        "tokens": None,
        "in_flight": None,
        "queued": None,
        "jobs_a_day": None,
        "disabled": True,
        "budget": None,
    }
    head, row = rerankq("tenant", "list").stdout.splitlines()
    assert head.split()[0] == "tenant"
    assert row.split() == ["acme", "2.5", "600", "-", "-", "-", "-", "disabled"]
    assert "no limit" in rerankq("tenant", "set", "acme", "--enable").stdout
    assert rerankq("tenant", "remove", "acme").stdout == "removed: acme\n"
    assert rerankq("tenant", "show", "acme").returncode == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ("tenant", "set", "acme", "--requests", "0"),
        ("tenant", "set", "acme", "--requests", "many"),
        ("tenant", "set", "a b"),
        ("tenant", "set", "acme", "--weight", "0"),
        ("token", "create", "--scope", "admin"),
        ("token", "create", "--tenant", "a:b"),
        ("token", "create", "--days", "0"),
    ],
)
def test_what_is_wrong_is_one_line(rerankq: CommandLine, arguments: tuple[str, ...]) -> None:
    """A wrong name or number ends with exit code 2 and a sentence; nothing is changed."""
    done = rerankq(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    assert rerankq("tenant", "list", "--json").stdout == ""
    assert rerankq("token", "list", "--json").stdout == ""


def test_commands_act_as_a_tenant(
    rerankq: CommandLine,
    client: RerankClient,
    redis_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With `--tenant`, or RERANKQ_TENANT, they see and make what is the tenant's."""
    jobs, ranked = tmp_path / "jobs.jsonl", tmp_path / "ranked.jsonl"
    jobs.write_text('{"query": "q", "documents": ["a"], "custom_id": "x"}\n' * 2)
    with StandInWorker(redis_url):
        done = rerankq("run", str(jobs), "-o", str(ranked), "--tenant", "mine")
    assert done.returncode == 0, done.stderr
    (batch,) = client.batches()
    assert (batch.tenant, batch.succeeded) == ("mine", 2)
    job = json.loads(ranked.read_text().splitlines()[0])["job_id"]
    assert rerankq("status", job).returncode == 0
    monkeypatch.setenv("RERANKQ_TENANT", "mine")
    assert rerankq("result", job).returncode == 0
    assert batch.id in rerankq("batch", "list").stdout
    assert batch.id not in rerankq("batch", "list", "--tenant", "other").stdout
    assert rerankq("results", batch.id, "-o", str(ranked)).returncode == 0
    for command in (["status", job], ["result", job], ["results", batch.id], ["cancel", job]):
        refused = rerankq(*command, "--tenant", "other")
        assert refused.returncode
        assert "has the id" in refused.stderr
    refused = rerankq("token", "list")
    assert (refused.returncode, "unset RERANKQ_TENANT" in refused.stderr) == (2, True)
    assert rerankq("batch", "list", "--tenant", "no name").returncode == 2
