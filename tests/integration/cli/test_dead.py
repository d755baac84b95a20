"""`rerankq dead`: what operators do with failed jobs and poisoned messages."""

import json
import uuid
from collections.abc import Iterator
from datetime import datetime

import pytest

from rerankq.broker.quarantine import put_aside
from rerankq.cli.batch import waiting_room
from rerankq.cli.operate import dead
from rerankq.contract import RerankRequest
from rerankq.contract.status import where_it_is_kept
from running.command_line import CommandLine
from running.ledger_desk import LedgerDesk


@pytest.fixture
def desk(redis_url: str) -> Iterator[LedgerDesk]:
    """The ledger that the commands use."""
    with LedgerDesk(redis_url) as made:
        yield made


def failed(
    desk: LedgerDesk,
    job_id: str,
    *,
    reason: str = "upstream_refused",
    model: str = "m",
    at: int = 0,
    batch_id: str | None = None,
    said: str = "",
    message: str = "no",
) -> None:
    """A failed job; `at` sets the second of its failure."""
    request = RerankRequest(model=model, query="private", documents=("private",))
    desk.fail(
        desk.claimed(job_id, request=request, batch_id=batch_id), reason, said=said, message=message
    )
    if at:
        desk.redis.zadd("rerankq:dead", {job_id: at * 1000})


def listed(rerankq: CommandLine, *filters: str) -> list[str]:
    """The ids that `dead list` shows."""
    done = rerankq("dead", "list", "--json", *filters)
    assert done.returncode == 0, done.stderr
    return [json.loads(line)["job_id"] for line in done.stdout.splitlines()]


def local(seconds: int) -> str:
    """A time as the command line takes it."""
    return datetime.fromtimestamp(seconds).isoformat()  # noqa: DTZ006 - local time is meant


def test_letters_are_listed_by_filter(rerankq: CommandLine, desk: LedgerDesk) -> None:
    """`dead list` shows only the letters that fit its filters, the newest first."""
    batch = desk.run(desk.batches.open())
    failed(desk, "a", reason="upstream_auth", at=1_000_000)
    failed(desk, "b", model="other", at=2_000_000)
    failed(desk, "c", batch_id=batch, at=3_000_000)
    assert listed(rerankq) == ["c", "b", "a"]
    assert listed(rerankq, "--reason", "upstream_auth") == ["a"]
    assert listed(rerankq, "--model", "other") == ["b"]
    assert listed(rerankq, "--batch", batch) == ["c"]
    assert listed(rerankq, "--since", local(2_000_000), "--until", local(3_000_000)) == ["b"]
    assert listed(rerankq, "--limit", "2") == ["c", "b"]
    assert "1 of 3 dead letters" in rerankq("dead", "list", "--model", "other").stdout


def test_a_letter_takes_a_line(rerankq: CommandLine, desk: LedgerDesk) -> None:
    """Each letter is one line, and its id and reason are complete within 80 columns."""
    ids = [str(uuid.uuid4()) for _ in range(2)]
    for job_id in ids:
        failed(desk, job_id, reason="upstream_unavailable", model="m" * 200, at=1_000_000)
    header, *rows, count = rerankq("dead", "list").stdout.splitlines()
    assert header.split() == ["id", "reason", "failed", "attempts", "model", "custom", "id"]
    assert sorted(row.split()[0] for row in rows) == sorted(ids)
    time = f"{datetime.fromtimestamp(1_000_000).astimezone():%Y-%m-%d %H:%M}"
    for row in rows:
        assert row.split()[1:5] == ["upstream_unavailable", *time.split(), "1"]
        assert row.index(time) + len(time) <= 80
    assert count == "2 of 2 dead letters"
    desk.redis.delete("rerankq:dead")
    assert rerankq("dead", "list").stdout == "no dead letters\n"
    assert "Print JSON objects, one a line." in rerankq("dead", "list", "--help").stdout


def test_a_letter_is_shown_without_its_texts(rerankq: CommandLine, desk: LedgerDesk) -> None:
    """`dead show` tells why a job failed, but shows no text of the job."""
    failed(desk, "a", said="its words: the key is old")
    shown = rerankq.asked("dead", "show", "a")
    assert shown["upstream_said"] == "its words: the key is old"
    assert "its words" not in rerankq("dead", "list", "--json").stdout
    assert (shown["job_id"], shown["reason"], shown["documents"]) == ("a", "upstream_refused", 1)
    assert "id" not in shown, "one name for one thing"
    for said in (json.dumps(shown), rerankq("dead", "show", "a").stdout):
        assert "upstream_refused" in said
        assert "private" not in said
    assert rerankq("dead", "show", "never").returncode == 1
    rerankq("dead", "purge", "a")
    assert not desk.redis.exists("rerankq:said:a")


def test_a_replay_makes_a_new_job_once(rerankq: CommandLine, desk: LedgerDesk) -> None:
    """Replayed letters are queued as new jobs and forgotten; a repeat finds nothing to do."""
    failed(desk, "a")
    failed(desk, "b")
    done = rerankq("dead", "replay", "--all", "--json")
    replayed = {row["job_id"]: row["replay"] for row in map(json.loads, done.stdout.splitlines())}
    assert (done.returncode, set(replayed)) == (0, {"a", "b"})
    assert all(desk.places(new) == ["bulk:queued"] for new in replayed.values())
    assert rerankq("dead", "replay", "--all").stdout == "0 jobs replayed\n"
    assert desk.redis.zcard("rerankq:bulk:queued") == 2


def test_a_replay_by_id_takes_each_once(rerankq: CommandLine, desk: LedgerDesk) -> None:
    """A letter named twice is one job; an unknown id is named, and nothing is replayed."""
    failed(desk, "a")
    failed(desk, "b")
    assert rerankq("dead", "replay", "a", "never").returncode == 1
    assert listed(rerankq) == ["b", "a"]
    done = rerankq("dead", "replay", "a", "a")
    assert done.stdout.splitlines()[-1] == "1 job replayed"
    assert listed(rerankq) == ["b"]


def test_a_replay_ends_at_a_full_lane(
    rerankq: CommandLine, desk: LedgerDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full lane ends a replay in time, with a message; the replayed letters are printed once."""
    monkeypatch.setattr(dead, "PATIENCE_SECONDS", 1)
    monkeypatch.setattr(waiting_room, "PAUSE_SECONDS", 0)
    for name in ("a", "b", "c"):
        failed(desk, name)
    monkeypatch.setenv("RERANKQ_MAX_QUEUE_DEPTH", "2")
    done = rerankq("dead", "replay", "--all")
    assert done.returncode == 2
    assert [line.split(" ")[0] for line in done.stdout.splitlines()] == ["c", "b"]
    waits, ends = done.stderr.splitlines()
    assert waits.startswith("rerankq: the bulk lane holds 2 unfinished jobs: waiting until")
    assert "full for 1 s: 2 jobs replayed" in ends
    assert listed(rerankq) == ["a"]
    monkeypatch.setenv("RERANKQ_MAX_QUEUE_DEPTH", "3")
    assert rerankq("dead", "replay", "--all").stdout.endswith("1 job replayed\n")
    assert desk.redis.zcard("rerankq:bulk:queued") == 3


def test_a_replay_skips_what_it_cannot_read(rerankq: CommandLine, desk: LedgerDesk) -> None:
    """An unreadable or missing payload is named on stderr and kept; the others are replayed."""
    for name in ("a", "gone", "nonsense"):
        failed(desk, name)
    desk.redis.delete("rerankq:payload:gone")
    desk.redis.set("rerankq:payload:nonsense", "{")
    done = rerankq("dead", "replay", "--all")
    assert done.returncode == 1
    assert [line.split(" ")[0] for line in done.stdout.splitlines()] == ["a", "1"]
    assert "gone was skipped" in done.stderr
    assert "nonsense was skipped" in done.stderr
    assert "2 dead letters skipped" in done.stderr
    assert sorted(listed(rerankq)) == ["gone", "nonsense"]


def test_the_advice_to_look_at_a_letter_is_given_where_it_helps(
    rerankq: CommandLine, desk: LedgerDesk
) -> None:
    """`status` says that `dead show` has more, while it has; `dead show` itself does not."""
    failed(desk, "a", said="its words", message=f"it answered 400{where_it_is_kept('a')}")
    assert "`rerankq dead show a`" in rerankq.asked("status", "a")["error"]["message"]
    assert rerankq.asked("dead", "show", "a")["message"] == "it answered 400"
    rerankq("dead", "purge", "a")
    assert rerankq.asked("status", "a")["error"]["message"] == "it answered 400"


def test_a_reason_that_no_letter_has_is_named(rerankq: CommandLine, desk: LedgerDesk) -> None:
    """A reason by which nothing is found may be misspelt: those that there are, are told."""
    failed(desk, "a", reason="upstream_auth")
    failed(desk, "b", reason="upstream_auth")
    done = rerankq("dead", "list", "--reason", "nope")
    assert "no dead letter has the reason nope: there are upstream_auth" in done.stderr
    assert rerankq("dead", "list", "--reason", "upstream_auth").stderr == ""


def test_a_purge_deletes_the_chosen_letters(rerankq: CommandLine, desk: LedgerDesk) -> None:
    """`dead purge` deletes letters with their payloads; without a filter it deletes nothing."""
    failed(desk, "a", reason="upstream_auth")
    failed(desk, "b")
    assert rerankq("dead", "purge").returncode == 2
    assert rerankq("dead", "purge", "b", "--all").returncode == 2
    done = rerankq("dead", "purge", "--reason", "upstream_auth")
    assert done.stdout == "1 dead letter purged\n"
    assert listed(rerankq) == ["b"]
    assert not desk.has_payload("a")


def test_a_purge_deletes_damaged_letters(rerankq: CommandLine, desk: LedgerDesk) -> None:
    """A letter that cannot be read is purged by its id, and with --all."""
    for name in ("a", "b", "c"):
        failed(desk, name)
    for name in ("b", "c"):
        desk.redis.set(f"rerankq:job:{name}", '{"state":"failed","lane":7,"reason":["y"]}')
        desk.redis.set(f"celery-task-meta-{name}", "no json")
    assert sorted(listed(rerankq)) == ["a", "b", "c"]
    assert rerankq.asked("dead", "show", "b")["reason"] == "unknown"
    assert rerankq("dead", "purge", "b").stdout == "1 dead letter purged\n"
    assert rerankq("dead", "purge", "b").returncode == 1
    assert rerankq("dead", "purge", "--all").stdout == "2 dead letters purged\n"
    assert listed(rerankq) == []


@pytest.mark.parametrize("year", ["0001", "9999"])
def test_a_time_beyond_all_is_a_time(rerankq: CommandLine, desk: LedgerDesk, year: str) -> None:
    """A time out of range counts as before or after all letters."""
    failed(desk, "a")
    first = ["a"] if year == "0001" else []
    assert listed(rerankq, "--since", f"{year}-01-01") == first
    assert listed(rerankq, "--until", f"{year}-12-31") == ([] if first else ["a"])


def test_poison_is_shown_without_its_content(rerankq: CommandLine, desk: LedgerDesk) -> None:
    """`dead poison` counts and lists quarantined messages; content is shown only on demand."""
    assert rerankq("dead", "poison").stdout == "no message was put aside\n"
    desk.run(desk.store.command(*put_aside("rerankq.bulk", "no_json", b"a stranger's")))
    said = rerankq("dead", "poison").stdout
    assert said == "no_json: 1 in all\nrerankq.bulk  no_json  12 bytes\n"
    assert "a stranger's" in rerankq("dead", "poison", "--content").stdout
    assert rerankq("dead", "poison", "--purge").stdout == "1 message purged\n"
    assert rerankq("dead", "poison").stdout == "no_json: 1 in all\n"
