"""`rerankq upstream`, and why `rerankq run` says that its jobs wait."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rerankq.accounts.accounts import Limits
from rerankq.accounts.breakers import BreakerState, Trip
from rerankq.cli.batch import obstacles, progress
from rerankq.client import AsyncBatch, AsyncRerankClient
from rerankq.ledger import delays
from rerankq.ledger.failures import Failure
from rerankq.ledger.leases import Postponement
from running.command_line import CommandLine
from running.keys import KEYS
from running.ledger_desk import LedgerDesk, job
from running.stand_in_worker import StandInWorker

KEY = "key host 0a1b2c3d"
JOB = '{"query": "q", "documents": ["a", "b"]}\n'


@pytest.fixture
def desk(redis_url: str) -> Iterator[LedgerDesk]:
    """The ledger, in which a worker has used an account."""
    with LedgerDesk(redis_url) as made:
        limits = Limits(rpm=6000, concurrency=8)
        made.exchange(limits=limits, account="host", want=2, want_slots=2)
        yield made


def open_breakers(desk: LedgerDesk) -> dict[str, BreakerState]:
    return {name: each.state for name, each in desk.run(desk.breakers.tripped()).items()}


def test_status_of_nothing_says_so(rerankq: CommandLine) -> None:
    """Before any worker called an upstream, status says so."""
    done = rerankq("upstream", "status")
    assert done.returncode == 0
    assert done.stdout == "no worker has called an upstream through this Redis yet\n"
    assert rerankq.asked("upstream", "status") == {"accounts": {}, "breakers": {}, "code": 0}


@pytest.mark.usefixtures("desk")
def test_status_shows_accounts(rerankq: CommandLine) -> None:
    """Each account has a line with its state, rate, limits, and calls in flight.

    People read `usable`: an open breaker, in the next table, means the opposite of `open`.
    """
    done = rerankq("upstream", "status")
    assert done.returncode == 0
    (_, line) = done.stdout.rstrip().splitlines()
    assert line.split() == ["host", "usable", "99.0", "rpm", "6,000,", "concurrency", "8", "2", "1"]
    shown = rerankq.asked("upstream", "status")["accounts"]["host"]
    assert shown == {
        "state": "open",
        "since": None,
        "until": None,
        "cause": None,
        "calls_per_second": 99.0,
        "limits": {"rpm": 6000, "concurrency": 8},
        "in_flight": 2,
        "workers": 1,
        "cut_off": {},
    }


def test_status_shows_open_breakers(rerankq: CommandLine, desk: LedgerDesk) -> None:
    """Each key or model whose breaker is open has a line: state, since when, next probe, why."""
    desk.trip(KEY)
    desk.trip("model host m", certain_after=3)
    done = rerankq("upstream", "status")
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    (key,) = (line for line in lines if line.startswith(KEY))
    assert key.startswith(f"{KEY} parked 20")
    assert "a reason (a_code)" in done.stdout
    assert any(line.startswith("model host m doubted") for line in lines)
    shown = rerankq.asked("upstream", "status")["breakers"][KEY]
    assert (shown["state"], shown["code"], shown["reason"]) == ("parked", "a_code", "a reason")
    assert shown["since"] == pytest.approx(desk.now_ms() / 1000, abs=60)
    assert shown["next_probe"] == pytest.approx(shown["since"] + 60, abs=1)


def test_a_breaker_that_nobody_probes_is_unused(rerankq: CommandLine, desk: LedgerDesk) -> None:
    """A key that no worker has any more, or a model that no job asks for, is `unused`.

    A breaker that an operator paused is never probed, and stays paused.
    """
    desk.trip(KEY)
    desk.trip("key host paused", probe_seconds=None, state=BreakerState.PAUSED)
    desk.trip("model host rare")
    # A probe was due after a minute; jobs of a model may come back a minute later.
    desk.let_pass(75, "host")
    desk.trip("key host used")
    text = rerankq("upstream", "status").stdout
    assert f"{KEY} unused" in " ".join(text.split())
    shown = rerankq.asked("upstream", "status")["breakers"]
    states = {name: each["state"] for name, each in shown.items()}
    others = {"key host paused": "paused", "key host used": "parked"}
    assert states == {KEY: "unused", "model host rare": "parked", **others}

    async def told() -> set[str | None]:
        async with AsyncRerankClient() as client:
            return {name for _, name in await obstacles.obstacles(client)}

    assert asyncio.run(told()) == {"model host rare", "key host paused", "key host used"}
    desk.let_pass(50, "host")
    assert rerankq.asked("upstream", "status")["breakers"]["model host rare"]["state"] == "unused"


def test_workers_that_are_gone_are_not_counted(rerankq: CommandLine, desk: LedgerDesk) -> None:
    """An account that no worker uses shows 0 workers; only its shares are divided by at least 1."""
    desk.let_pass(70, "host")
    shown = rerankq.asked("upstream", "status")["accounts"]["host"]
    assert (shown["state"], shown["workers"]) == ("unused", 0)


def test_status_shows_an_outage(rerankq: CommandLine, desk: LedgerDesk) -> None:
    """An account whose upstream fails is `broken`, with the time since when."""
    desk.exchange(account="host", trouble=10.0)
    shown = rerankq.asked("upstream", "status")["accounts"]["host"]
    assert shown["state"] == "broken"
    assert shown["since"] == pytest.approx(desk.now_ms() / 1000, abs=60)


def test_status_shows_throttling(rerankq: CommandLine, desk: LedgerDesk) -> None:
    """An account that the upstream asked to wait is throttled until then, with since and why."""
    cause = "upstream_throttled (429)"
    desk.exchange(account="host", throttled=1, pause_ms=600_000, cause=cause)
    shown = rerankq.asked("upstream", "status")["accounts"]["host"]
    assert (shown["state"], shown["cause"]) == ("throttled", cause)
    assert shown["since"] == pytest.approx(desk.now_ms() / 1000, abs=60)
    assert shown["until"] == pytest.approx(shown["since"] + 600, abs=1)
    # One line of any length: without a terminal, rows are not fitted to a width.
    shown_lines = rerankq("upstream", "status").stdout.splitlines()
    (row,) = (line for line in shown_lines if line.startswith("account host  throttled  20"))
    assert row.count(":") == 6, "since when, and until when"
    assert "upstream_throttled" in row


def test_resume_ends_throttling_and_outages(rerankq: CommandLine, desk: LedgerDesk) -> None:
    """An account that is throttled or broken is usable again when an operator resumes it."""
    desk.exchange(account="host", throttled=1, pause_ms=600_000, cause="upstream_throttled (429)")
    assert rerankq("upstream", "resume", "host").stdout == "resumed: account host\n"
    desk.let_pass(1, "host")
    assert desk.exchange(account="host", want=1).permits == 1
    desk.exchange(account="host", trouble=20.0)
    assert rerankq("upstream", "resume", "--all").stdout == "resumed: account host\n"
    seen = desk.look("host")
    assert (seen.mode, seen.since, seen.cause) == ("open", 0, "")


@pytest.mark.parametrize("name", ["host", KEY])
def test_resume_makes_postponed_jobs_due(
    rerankq: CommandLine, desk: LedgerDesk, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Jobs that wait for an hour after a failure are due at once; others wait as before."""
    monkeypatch.setattr(delays, "PORTION", 3)
    failure = Failure("upstream_throttled", "retry after 3600 s")
    leases = [desk.claimed(f"put-off-{number}") for number in range(5)]
    put_off = [Postponement(each, 0, 3600, failure) for each in leases]
    desk.run(desk.leases().postpone(put_off))
    desk.submit(*(job(f"later-{number}", not_before=4e9 - number) for number in range(4)))
    suspect = desk.claimed("suspect")
    desk.run(desk.leases().postpone([Postponement(suspect, 0, 3600, failure)]))
    held: Any = desk.redis.get(KEYS.job("suspect"))
    stored = json.loads(held)
    desk.redis.set(KEYS.job("suspect"), json.dumps(stored | {"away": [["w", "1"]]}))
    if name == KEY:
        desk.trip(KEY)
    else:
        desk.exchange(account="host", throttled=1, pause_ms=3_600_000)
    assert rerankq("upstream", "resume", name).returncode == 0
    waits = {
        name: (desk.score(name, "scheduled") or 0) - desk.now_ms()
        for name in ("suspect", "later-0", "later-3", *(each.job_id for each in leases))
    }
    assert [name for name, wait in waits.items() if wait > 3_000_000] == list(waits)[:3]
    assert sorted(desk.sweep()) == [each.job_id for each in leases]


def test_reason_from_the_upstream_cannot_drive_the_terminal(
    rerankq: CommandLine, desk: LedgerDesk
) -> None:
    """A vendor's message is shown as plain text, even with control characters or markup."""
    desk.run(desk.breakers.trip(KEY, Trip("a_code", "\x1b[31m[red]")))
    done = rerankq("upstream", "status")
    assert "\x1b" not in done.stdout
    assert "[red]" in done.stdout


def test_pause_and_resume(rerankq: CommandLine, desk: LedgerDesk) -> None:
    """A paused account is out of use for all workers until it is resumed by its name."""
    done = rerankq("upstream", "pause", "host", "--reason", "too expensive")
    assert (done.returncode, done.stdout) == (0, "paused: host\n")
    assert open_breakers(desk) == {"account host": BreakerState.PAUSED}
    assert desk.exchange(account="host", want=1).tripped["account host"].reason == "too expensive"
    status = rerankq("upstream", "status").stdout
    assert "paused" in status
    assert "too expensive (paused)" in " ".join(status.split())
    done = rerankq("upstream", "resume", "host")
    assert (done.returncode, done.stdout) == (0, "resumed: account host\n")
    assert open_breakers(desk) == {}


def test_only_known_accounts_are_paused(rerankq: CommandLine, desk: LedgerDesk) -> None:
    """A name that no worker uses is an error, and then nothing is paused."""
    done = rerankq("upstream", "pause", "host", "hots")
    assert done.returncode == 2
    assert done.stderr == "rerankq: there is no account hots: see `rerankq upstream status`\n"
    assert open_breakers(desk) == {}


@pytest.mark.parametrize("name", [KEY, KEY.removeprefix("key host ")])
def test_resume_of_one(rerankq: CommandLine, desk: LedgerDesk, name: str) -> None:
    """A parked key is resumed by its name or its fingerprint, and nothing else is."""
    desk.trip(KEY)
    desk.trip("model host m")
    assert rerankq("upstream", "resume", name).stdout == f"resumed: {KEY}\n"
    assert list(open_breakers(desk)) == ["model host m"]


def test_resume_of_all(rerankq: CommandLine, desk: LedgerDesk) -> None:
    """--all closes every breaker; when none is open, the command says so."""
    desk.trip(KEY)
    desk.trip("model host m")
    assert rerankq("upstream", "resume", "--all").returncode == 0
    assert open_breakers(desk) == {}
    done = rerankq("upstream", "resume", "--all")
    assert (done.returncode, done.stdout) == (0, "nothing to resume: all is in use\n")


@pytest.mark.parametrize("arguments", [(), (KEY, "--all")])
def test_resume_wants_names_or_all(rerankq: CommandLine, arguments: tuple[str, ...]) -> None:
    """Neither or both is an error that says what to do."""
    done = rerankq("upstream", "resume", *arguments)
    assert done.returncode == 2
    assert done.stderr == "rerankq: name what to resume, or use --all\n"


def test_a_usable_account_cannot_be_resumed(rerankq: CommandLine, desk: LedgerDesk) -> None:
    """A name that is not out of use is an error, and then nothing is resumed."""
    desk.trip(KEY)
    done = rerankq("upstream", "resume", KEY, "host")
    assert done.returncode == 2
    assert done.stderr == "rerankq: host is not out of use: see `rerankq upstream status`\n"
    assert list(open_breakers(desk)) == [KEY]


def test_run_says_what_keeps_its_jobs_waiting(
    rerankq: CommandLine,
    desk: LedgerDesk,
    held_worker: StandInWorker,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """A parked key and an outage are each reported once, on stderr; doubted breakers are not."""
    desk.trip(KEY)
    desk.trip("model host m", certain_after=3)
    desk.exchange(account="host", trouble=10.0)
    looks = 0

    async def counted(client: AsyncRerankClient) -> dict[obstacles.Obstacle, str]:
        nonlocal looks
        looks += 1
        if looks == 3:
            held_worker.go()
        return await obstacles.obstacles(client)

    monkeypatch.setattr(progress, "obstacles", counted)
    monkeypatch.setattr(progress, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(progress.QuietView, "seconds", 0.05)
    jobs = tmp_path / "jobs.jsonl"
    # A file, because `run -` reads the real stdin of the process, not `sys.stdin`.
    jobs.write_text(JOB)
    done = rerankq("run", str(jobs), "--json", "-o", str(tmp_path / "ranked.jsonl"))
    assert done.returncode == 0, done.stderr
    assert '"succeeded":1' in done.stderr
    advice = "jobs wait meanwhile; see `rerankq upstream status`"
    assert done.stderr.count(f"rerankq: {KEY} is parked (a reason): {advice}\n") == 1
    outage = f"rerankq: the upstream host fails, and is probed until it works: {advice}\n"
    assert done.stderr.count(outage) == 1
    assert "doubted" not in done.stderr


def test_run_says_that_a_job_is_to_run_later(
    rerankq: CommandLine, redis_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A job that is asked to run later is named as the cause; no time left is guessed by speed."""
    looks = 0

    async def counted(batch: AsyncBatch) -> dict[obstacles.Obstacle, str]:
        nonlocal looks
        found = await obstacles.own_obstacles(batch)
        looks += bool(found)
        if looks == 5:
            await batch.cancel()
        return found

    monkeypatch.setattr(progress, "own_obstacles", counted)
    monkeypatch.setattr(progress, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(progress.QuietView, "seconds", 0.05)
    jobs = tmp_path / "jobs.jsonl"
    later = json.dumps(json.loads(JOB) | {"not_before": 4e9})
    jobs.write_text(f"{JOB}{later}\n")
    with StandInWorker(redis_url):
        done = rerankq("run", str(jobs), "-o", str(tmp_path / "ranked.jsonl"))
    assert "1 of 2 jobs done" in done.stderr
    told = "rerankq: the job is not to run before 2096-10-02"
    assert done.stderr.count(told) == 1
    assert " left" not in done.stderr.partition(told)[2]
