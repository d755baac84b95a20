"""`rerankq batch`: watch batches; pause, resume, cancel or retry them."""

import json
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from rerankq import RerankClient
from rerankq.cli.batch import progress, watch
from rerankq.contract import BatchOptions, BatchState
from running.command_line import CommandLine
from running.ledger_desk import LedgerDesk
from running.stand_in_worker import StandInWorker


def submitted(redis_url: str, *queries: str, **options: Any) -> str:
    """A sealed batch of these jobs; returns its id."""
    with RerankClient(redis_url) as client, client.batch(**options) as batch:
        list(batch.add_many({"query": query, "documents": ["d"]} for query in queries))
        return batch.id


def ended(redis_url: str, batch: str) -> None:
    with RerankClient(redis_url) as client:
        client.batch(batch).wait(timeout=30)


@pytest.fixture
def desk(redis_url: str) -> Iterator[LedgerDesk]:
    """The ledger."""
    with LedgerDesk(redis_url) as made:
        yield made


def test_list_shows_the_newest_first(rerankq: CommandLine, redis_url: str) -> None:
    """A line each, with how to see more; one JSON object a line for scripts."""
    done = rerankq("batch", "list")
    assert (done.returncode, done.stdout) == (0, "there is no batch\n")
    ids = [submitted(redis_url, "q", metadata={"n": str(at)}) for at in range(3)]
    done = rerankq("batch", "list", "--limit", "2")
    head, *rows = done.stdout.splitlines()
    assert head.split() == ["batch", "state", "ended", "total", "failed", "opened"]
    assert [row.split()[:5] for row in rows] == [
        [each, "running", "0", "1", "0"] for each in (ids[2], ids[1])
    ]
    assert done.stderr == f"rerankq: there are more: rerankq batch list --after {ids[1]}\n"
    lines = rerankq("batch", "list", "--after", ids[1], "--json").stdout.splitlines()
    (shown,) = map(json.loads, lines)
    assert (shown["batch_id"], shown["metadata"]) == (ids[0], {"n": "0"})
    assert rerankq("batch", "list", "--after", ids[0]).stdout == "there is no earlier batch\n"
    assert rerankq("batch", "list", "--after", "batch-never").returncode == 1


def test_status_shows_how_it_stands(
    rerankq: CommandLine, redis_url: str, worker: StandInWorker
) -> None:
    """Counts, reasons of failures, metadata, and why it waits."""
    del worker
    batch = submitted(redis_url, "q", "fail", metadata={"who": "me"})
    ended(redis_url, batch)
    text = rerankq("batch", "status", batch).stdout
    told = dict(re.split(" {2,}", line) for line in text.splitlines())
    assert told["state"] == "completed"
    assert told["jobs"] == "1 succeeded, 1 failed"
    assert (told["failed for"], told["metadata"]) == ("upstream_refused 1", "who=me")
    shown = rerankq.asked("batch", "status", batch)
    assert (shown["batch_id"], shown["state"], shown["succeeded"]) == (batch, "completed", 1)
    done = rerankq("batch", "status", "batch-never")
    assert (done.returncode, done.stderr.count("batch-never")) == (1, 1)


def test_status_says_why_it_waits(rerankq: CommandLine, redis_url: str) -> None:
    """In a sentence with the command that helps, and as a code for scripts."""
    batch = submitted(redis_url, "q")
    assert "start `rerankq worker`" in rerankq("batch", "status", batch).stdout
    rerankq("batch", "pause", batch)
    assert f"`rerankq batch resume {batch}`" in rerankq("batch", "status", batch).stdout
    assert rerankq.asked("batch", "status", batch)["waits"][0]["code"] == "paused"


def test_pause_resume_and_cancel(rerankq: CommandLine, redis_url: str) -> None:
    """Each says what it did, may be repeated, and refuses what it cannot do with exit code 1."""
    batch = submitted(redis_url, "q", "q")
    assert rerankq("batch", "pause", batch).stdout == "paused\n"
    assert rerankq("batch", "pause", batch).stdout == "paused; it was paused already\n"
    assert rerankq.asked("batch", "pause", batch)["was_paused"] is True
    assert rerankq("batch", "resume", batch).stdout == "resumed: 0 jobs were held\n"
    assert rerankq("batch", "cancel", batch).stdout == "cancelled: 2 jobs were ended by it\n"
    again = rerankq.asked("batch", "cancel", batch)
    assert again == {"batch_id": batch, "cancelled": 0, "state": "cancelled", "code": 0}
    empty = submitted(redis_url)
    assert rerankq("batch", "cancel", empty).stdout == "it had ended before: completed\n"
    done = rerankq("batch", "pause", batch)
    assert (done.returncode, done.stdout) == (1, "")
    for command in ("pause", "resume", "cancel", "retry", "watch"):
        assert rerankq("batch", command, "batch-never").returncode == 1


def test_retry_submits_what_failed(
    rerankq: CommandLine, redis_url: str, worker: StandInWorker, desk: LedgerDesk
) -> None:
    """It prints the id of the new batch; a repeat prints the same one, and says so."""
    del worker
    batch = submitted(redis_url, "fail", "q", "fail")
    ended(redis_url, batch)
    none = rerankq("batch", "retry", batch, "--reason", "upstream_billing")
    assert (none.returncode, none.stdout) == (0, "")
    assert none.stderr == "rerankq: no job has failed for that\n"
    told = rerankq.asked("batch", "retry", batch, "--reason", "upstream_refused")
    assert (told["batch_id"], told["submitted"], told["missing"]) == (batch, 2, [])
    again = rerankq("batch", "retry", batch)
    assert again.stdout == f"{told['retry']}\n"
    assert again.stderr == "rerankq: these jobs were submitted again before\n"
    ended(redis_url, told["retry"])
    desk.redis.delete(*desk.redis.keys("rerankq:payload:*"))
    gone = rerankq("batch", "retry", told["retry"])
    assert (gone.returncode, gone.stdout) == (1, "")
    assert "the requests of 2 failed jobs are gone" in gone.stderr


def test_results_of_the_group_are_those_of_the_command(
    rerankq: CommandLine, redis_url: str, worker: StandInWorker, tmp_path: Path
) -> None:
    """`rerankq batch results` writes what `rerankq results` does."""
    del worker
    batch = submitted(redis_url, "q", "fail")
    written = []
    for command in (("batch", "results"), ("results",)):
        output = tmp_path / command[0]
        assert rerankq(*command, batch, "-o", str(output)).returncode == 1
        written.append(output.read_bytes())
    assert written[0] == written[1]
    assert written[0].count(b"\n") == 2


def test_watch_follows_to_the_end(
    rerankq: CommandLine,
    redis_url: str,
    held_worker: StandInWorker,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It says at once what holds the batch up, then how it goes on, and last how it ended."""
    batch = submitted(redis_url, "q", "fail")
    looks: list[BatchState] = []
    show = watch._Progress.show  # noqa: SLF001  the moment to let the worker go

    def shows(self: Any, status: Any) -> None:
        looks.append(status.state)
        show(self, status)
        if len(looks) == 3:
            held_worker.go()

    monkeypatch.setattr(watch._Progress, "show", shows)  # noqa: SLF001
    monkeypatch.setattr(progress.QuietView, "seconds", 0.02)
    done = rerankq("batch", "watch", batch)
    assert done.returncode == 1
    assert done.stdout == (
        f"{batch} is complete: 1 succeeded, 1 failed; failed for upstream_refused 1\n"
    )
    lines = done.stderr.splitlines()
    assert f"{batch}: 0 of 2 lines" in lines
    assert sum("start `rerankq worker`" in line for line in lines) == 1


def test_watch_prints_an_object_for_each_change(
    rerankq: CommandLine, redis_url: str, worker: StandInWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None is printed twice, and the last one tells the end."""
    del worker
    monkeypatch.setattr(watch, "JSON_SECONDS", 0.02)
    batch = submitted(redis_url, *["q"] * 300)
    done = rerankq("batch", "watch", batch, "--json")
    objects = [json.loads(line) for line in done.stdout.splitlines()]
    assert (done.returncode, objects[-1]["state"], objects[-1]["succeeded"]) == (
        0,
        "completed",
        300,
    )
    passing = dict.fromkeys(("rate", "seconds_left", "kept_until"))
    assert all(each != after for each, after in pairwise(each | passing for each in objects))


def test_watch_tells_of_an_abandoned_batch(rerankq: CommandLine, desk: LedgerDesk) -> None:
    """Its exit code says that something is missing."""
    batch = desk.run(desk.batches.open(BatchOptions()))
    desk.redis.hset(f"rerankq:batch:{batch}", "fed", desk.now_ms() - 60_000)
    done = rerankq("batch", "watch", batch)
    assert (done.returncode, done.stdout) == (
        1,
        f"{batch} was abandoned, so input is missing: none\n",
    )


def test_watch_shows_a_pause(
    rerankq: CommandLine, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What another terminal does is said once, as it happens."""
    batch = submitted(redis_url, "q")
    seen: list[BatchState] = []
    show = watch._Progress.show  # noqa: SLF001  the moments to act from elsewhere

    def shows(self: Any, status: Any) -> None:
        if status.state not in seen:
            seen.append(status.state)
        show(self, status)
        with RerankClient(redis_url) as client:
            other = client.batch(batch)
            if status.state is BatchState.RUNNING:
                other.pause()
            else:
                other.cancel()

    monkeypatch.setattr(watch._Progress, "show", shows)  # noqa: SLF001
    monkeypatch.setattr(progress.QuietView, "seconds", 0.02)
    done = rerankq("batch", "watch", batch)
    assert seen == [BatchState.RUNNING, BatchState.PAUSED, BatchState.CANCELLED]
    assert done.stderr.count(f"{batch}: is paused now") == 1
    assert done.stdout == f"{batch} was cancelled: 1 cancelled\n"
    assert done.returncode == 1
