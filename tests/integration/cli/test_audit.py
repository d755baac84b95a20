"""`rerankq audit`: what was done by commands, who did it, and how it went."""

import json
import socket
from typing import Any

import pytest

from rerankq.events import Events, OperatorActed
from rerankq.history import audit
from rerankq.history.audit import Actor, AuditTrail
from running.command_line import CommandLine
from running.ledger_desk import LedgerDesk, job

ME = Actor("me@here", "command")


def entries(rerankq: CommandLine, *arguments: str) -> list[dict[str, Any]]:
    done = rerankq("audit", *arguments, "--json")
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_what_commands_do_is_noted(
    rerankq: CommandLine, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each act has its time, who did it, on what, and its outcome, also when it was refused."""
    monkeypatch.setenv("LOGNAME", "li")
    with LedgerDesk(redis_url) as desk:
        desk.run(desk.batches.open(batch_id="b"))
        desk.submit(job("a"))
        desk.fail(desk.claimed("dead"))
        began = desk.now_ms() / 1000
    token = rerankq.asked("token", "create", "--tenant", "t")
    webhook = rerankq.asked("webhook", "create", "https://example.com/hook")
    done = [
        (["batch", "pause", "b"], "batch.pause", "b", "ok"),
        (["batch", "resume", "b"], "batch.resume", "b", "ok"),
        (["batch", "cancel", "b"], "batch.cancel", "b", "ok"),
        (["batch", "pause", "none"], "batch.pause", "none", "batch_not_found"),
        (["cancel", "a"], "job.cancel", "a", "ok"),
        (["dead", "replay", "dead"], "dead.replay", "dead", "ok"),
        (["upstream", "pause", "none"], "upstream.pause", "none", "command_error"),
        (["upstream", "resume", "--all"], "upstream.resume", "all", "ok"),
        (["tenant", "set", "t", "--weight", "2"], "tenant.set", "t", "ok"),
        (["token", "revoke", token["id"]], "token.revoke", token["id"], "ok"),
        (["webhook", "remove", webhook["id"]], "webhook.remove", webhook["id"], "ok"),
    ]
    for arguments, *_ in done:
        rerankq(*arguments)
    found = entries(rerankq)
    expected = [
        ("token.create", token["id"], "ok"),
        ("webhook.create", webhook["id"], "ok"),
        *(tuple(each) for _, *each in done),
    ]
    assert [(e["action"], e["subject"], e["outcome"]) for e in reversed(found)] == expected
    assert {(e["actor"], e["by"]) for e in found} == {(f"li@{socket.gethostname()}", "command")}
    assert all(began <= each["at"] < began + 600 for each in found)
    assert token["secret"] not in json.dumps(found)
    numbers = [each["number"] for each in found]
    assert [each["number"] for each in entries(rerankq, "--limit", "2")] == numbers[:2]
    after = entries(rerankq, "--limit", "2", "--after", str(numbers[1]))
    assert [each["number"] for each in after] == numbers[2:4]
    rerankq("cancel", "a", "--tenant", "t")
    assert entries(rerankq, "--limit", "1")[0]["tenant"] == "t"
    assert entries(rerankq, "--limit", "1")[0]["outcome"] == "job_not_found"
    table = rerankq("audit", "--limit", "2").stdout.splitlines()
    assert table[2].split()[2:5] == [f"li@{socket.gethostname()}", "webhook.remove", webhook["id"]]


def test_the_trail_is_bounded(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest are kept; what tenants do pushes out nothing that an operator did."""
    monkeypatch.setattr(audit, "MOST_ENTRIES", 3)
    with LedgerDesk(redis_url) as desk:
        trail = AuditTrail(desk.store, Events())

        async def do(actor: Actor, subject: str) -> None:
            async with trail.act(actor, "batch.pause", subject):
                pass

        for number in range(5):
            desk.run(do(ME, f"own-{number}"))
        for number in range(5):
            desk.run(do(Actor("token x", "gateway", "t"), f"theirs-{number}"))
        found = desk.run(trail.page())
        assert [each.subject for each in found] == [
            *(f"theirs-{at}" for at in (4, 3, 2)),
            *(f"own-{at}" for at in (4, 3, 2)),
        ]
        theirs = desk.run(trail.page(tenant="t", limit=2))
        assert [each.subject for each in theirs] == ["theirs-4", "theirs-3"]
        assert desk.run(trail.page(tenant="u")) == ()


def test_an_act_is_told_even_if_it_cannot_be_noted(redis_url: str) -> None:
    """Each act is an event; what is done is done also when the trail cannot be written."""
    events, told = Events(), list[OperatorActed]()
    events.listen(told.append, OperatorActed)
    with LedgerDesk(redis_url) as desk:
        desk.redis.set("rerankq:audit", "somebody else's")
        trail = AuditTrail(desk.store, events)

        async def do() -> None:
            async with trail.act(ME, "job.cancel", "x" * 1000, secret=None):
                pass

        desk.run(do())
        assert desk.run(trail.page()) == ()
    (event,) = told
    assert (event.actor, event.action, event.outcome) == ("me@here", "job.cancel", "ok")
    assert len(event.subject) == 200
