"""Interrupted runs, and what `rerankq results` does with them."""

import json
import re
import signal
import subprocess
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from fcntl import F_SETPIPE_SZ, fcntl, ioctl
from pathlib import Path
from termios import FIONREAD

import pytest
from redis import Redis

from rerankq.errors import JobFailed
from rerankq.ledger import outcomes
from rerankq.ledger.batches import OwnJob
from running.command import RERANKQ, rerankq
from running.keys import KEYS
from running.ledger_desk import LedgerDesk
from running.redis_server import RedisServer
from running.stand_in_worker import StandInWorker
from running.waiting import eventually
from running.worker import clean_environment

BATCH = re.compile(r"^run: (batch-\S+)$", re.MULTILINE)


def lines(first: int, last: int) -> bytes:
    return b"".join(
        json.dumps({"custom_id": str(number), "query": "q", "documents": ["d"]}).encode() + b"\n"
        for number in range(first, last + 1)
    )


def names(text: str) -> list[str]:
    return [json.loads(line)["custom_id"] for line in text.splitlines()]


class Running:
    """`rerankq run -` with an input that is still open."""

    def __init__(self, process: subprocess.Popen[bytes], redis_url: str, log: Path) -> None:
        self.process = process
        self._redis_url = redis_url
        self._log = log

    def give(self, data: bytes) -> None:
        """Write to its input."""
        assert self.process.stdin
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def said(self) -> str:
        """Its stderr so far."""
        return self._log.read_text()

    def batch(self) -> str:
        """The id of its batch, from its output."""
        return eventually(lambda: BATCH.search(self.said()), "the batch is named")[1]

    def recorded(self) -> int:
        """How many lines are recorded in the ledger."""
        with Redis.from_url(self._redis_url) as client:
            return int(client.llen(f"rerankq:batch:{self.batch()}:entries"))

    def unread(self) -> int:
        """How many bytes of its stdout were not read."""
        assert self.process.stdout
        count = array("i", [0])
        ioctl(self.process.stdout, FIONREAD, count)
        return count[0]

    def job_ids(self, desk: LedgerDesk) -> list[str]:
        """Its jobs, in the order of their lines."""
        entries = desk.run(desk.batches.page(self.batch(), 0))
        return [each.job_id for each in entries if isinstance(each, OwnJob)]


@contextmanager
def running(redis_url: str, folder: Path, *options: str, **settings: str) -> Iterator[Running]:
    log = folder / "run.log"
    with log.open("wb") as stderr:
        process = subprocess.Popen(
            [RERANKQ, "run", "-", *options],
            env=clean_environment() | {"RERANKQ_REDIS_URL": redis_url} | settings,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
        )
    with process:
        try:
            yield Running(process, redis_url, log)
        finally:
            process.kill()


def results(redis_url: str, batch: str, *options: str) -> subprocess.CompletedProcess[str]:
    return rerankq("results", batch, *options, RERANKQ_REDIS_URL=redis_url)


@pytest.mark.usefixtures("worker")
def test_a_line_is_ranked_while_the_input_is_open(redis_url: str, tmp_path: Path) -> None:
    """With a slow source, a ranking is written before the next line comes."""
    with running(redis_url, tmp_path) as run:
        assert run.process.stdout
        for number in (1, 2):
            run.give(lines(number, number))
            assert json.loads(run.process.stdout.readline())["custom_id"] == str(number)
        out, _ = run.process.communicate(timeout=30)
        assert (run.process.returncode, out) == (0, b"")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_run_says_how_to_resume(
    redis_url: str, held_worker: StandInWorker, tmp_path: Path, number: signal.Signals
) -> None:
    """The jobs go on; the message says how to fetch them, and names the first missing line."""
    with running(redis_url, tmp_path) as run:
        run.give(lines(1, 120))
        eventually(lambda: run.recorded() == 120, "all lines are recorded")
        run.process.send_signal(number)
        assert run.process.wait(30) == 130
        assert f"fetch them with: rerankq results {run.batch()}\n" in run.said()
        assert "nothing from line 121 on was submitted" in run.said()
        assert "Traceback" not in run.said()
    held_worker.go()
    done = results(redis_url, run.batch())
    # Some lines were never submitted, so it is no success although all other jobs are done.
    assert done.returncode == 1, done.stderr
    assert "nothing from line 121 on was submitted" in done.stderr
    assert names(done.stdout) == [str(number) for number in range(1, 121)]


def test_rows_are_fetched_as_their_jobs_end(redis_url: str, tmp_path: Path) -> None:
    """A job that ends before earlier lines is fetched then, and written even past its retention."""
    with running(redis_url, tmp_path) as run, LedgerDesk(redis_url) as desk:
        run.give(lines(1, 3))
        eventually(lambda: run.recorded() == 3, "all lines are recorded")
        first, *others = run.job_ids(desk)
        for lease in desk.claim(*others):
            desk.succeed(lease)
        eventually(lambda: "run: 2 of 3 lines" in run.said(), "two are fetched")
        desk.redis.delete(*map(KEYS.result, others), *map(KEYS.job, others))
        desk.succeed(desk.claim(first)[0])
        out, _ = run.process.communicate(timeout=30)
    assert (run.process.returncode, names(out.decode())) == (0, ["1", "2", "3"]), run.said()
    assert out.count(b'"status":"succeeded"') == 3


def test_unfetched_results_are_kept_as_long_as_the_batch(redis_url: str, tmp_path: Path) -> None:
    """Rankings of an interrupted run are kept for `results`; once written, they expire as usual."""
    settings = {"RERANKQ_REDIS_URL": redis_url, "RERANKQ_RESULT_TTL": "60"}
    with running(redis_url, tmp_path, **settings) as run, LedgerDesk(redis_url) as desk:
        run.give(lines(1, 3))
        eventually(lambda: run.recorded() == 3, "all lines are recorded")
        run.process.send_signal(signal.SIGHUP)
        assert run.process.wait(30) == 130
        ids = run.job_ids(desk)
        for lease in desk.claim(*ids):
            desk.succeed(lease)
        keys = [KEYS.result(each) for each in ids]
        assert all(desk.redis.ttl(key) > 30 * 24 * 3600 for key in keys)
        assert results(redis_url, run.batch(), "--no-wait").returncode == 1
        assert all(desk.redis.ttl(key) <= 86_400 for key in keys)
        assert names(results(redis_url, run.batch()).stdout) == ["1", "2", "3"]


@pytest.mark.usefixtures("worker")
def test_a_reader_that_reads_nothing_does_not_delay_the_end(redis_url: str, tmp_path: Path) -> None:
    """A run whose output is not read ends at a signal, and prints how to come back."""
    with running(redis_url, tmp_path) as run:
        assert run.process.stdout
        # The pipe holds far less than the rows of so many lines.
        fcntl(run.process.stdout, F_SETPIPE_SZ, 4096)
        run.give(lines(1, 600))
        eventually(lambda: run.recorded() == 600, "all lines are recorded")
        eventually(lambda: run.unread() > 0, "rows are written that nobody reads")
        run.process.send_signal(signal.SIGTERM)
        # If the output did delay it, it would not end at all.
        assert run.process.wait(60) == 130
        assert f"fetch them with: rerankq results {run.batch()}\n" in run.said()


def test_a_run_says_that_it_waits_for_a_full_lane(
    redis_url: str, held_worker: StandInWorker, tmp_path: Path
) -> None:
    """A run that waits for a full lane says so, and goes on when the lane takes jobs."""
    with running(redis_url, tmp_path, RERANKQ_MAX_QUEUE_DEPTH="2") as run:
        run.give(lines(1, 5))
        waits = "run: the bulk lane holds 2 unfinished jobs: waiting until it has space"
        eventually(lambda: waits in run.said(), "it says what it waits for")
        held_worker.go()
        out, _ = run.process.communicate(timeout=30)
        assert run.process.returncode == 0, run.said()
        assert names(out.decode()) == ["1", "2", "3", "4", "5"]
        assert run.said().count(waits) == 1


def test_a_second_ctrl_c_ends_at_once(own_redis: RedisServer, tmp_path: Path) -> None:
    """A second signal ends the run at once, even while the first is still handled."""
    with running(own_redis.url, tmp_path) as run:
        run.give(lines(1, 1))
        eventually(lambda: run.recorded() == 1, "the line is recorded")
        assert own_redis.process
        # A Redis that does not answer delays the orderly end.
        own_redis.process.send_signal(signal.SIGSTOP)
        run.process.send_signal(signal.SIGINT)
        # The orderly end would wait for four tries of five seconds each.
        eventually(lambda: _again(run.process), "the process ends", seconds=15)
        assert run.process.returncode == 130


def _again(process: subprocess.Popen[bytes]) -> bool:
    process.send_signal(signal.SIGINT)
    return process.poll() is not None


def test_a_run_that_takes_too_long_can_be_resumed(
    redis_url: str, held_worker: StandInWorker, tmp_path: Path
) -> None:
    """--timeout ends the waiting with exit code 1, not the jobs."""
    given = tmp_path / "in.jsonl"
    given.write_bytes(lines(1, 3))
    out = str(tmp_path / "out.jsonl")
    done = None
    for seconds in ("1", "5", "25"):
        done = rerankq(
            *("run", str(given), "-o", out, "--timeout", seconds), RERANKQ_REDIS_URL=redis_url
        )
        if "was submitted" not in done.stderr:
            break  # it was long enough to submit all lines: on a busy machine, a second is not
    assert done
    assert done.returncode == 1
    assert "rerankq: not all jobs have ended in time" in done.stderr
    found = BATCH.search(done.stderr)
    assert found
    early = results(redis_url, found[1], "--no-wait")
    assert (early.returncode, early.stdout) == (1, "")
    assert "results: 0 of 3 jobs done, 0 failed" in early.stderr
    assert "3 not ended yet" in early.stderr
    held_worker.go()
    late = results(redis_url, found[1])
    assert (late.returncode, names(late.stdout)) == (0, ["1", "2", "3"])


@pytest.mark.usefixtures("worker")
def test_a_reader_that_goes_away_ends_the_run_quietly(redis_url: str, tmp_path: Path) -> None:
    """`rerankq run - | head -1` prints no pipe error, but how to come back to the jobs."""
    with running(redis_url, tmp_path) as run:
        assert run.process.stdin
        assert run.process.stdout
        run.give(lines(1, 1))
        run.process.stdout.readline()
        run.process.stdout.close()
        run.give(lines(2, 2))
        assert run.process.wait(30) == 141
        # Without the counts that are shown every few seconds.
        first, way_back, rest = (
            line for line in run.said().splitlines() if not re.match(r"run: \d+ of ", line)
        )
        assert first == f"run: {run.batch()}"
        assert way_back.endswith(f"; fetch them with: rerankq results {run.batch()}")
        assert "nothing from line 3 on was submitted" in rest
        run.process.stdin.close()
    assert names(results(redis_url, run.batch()).stdout) == ["1", "2"]


def test_a_run_outlives_a_restart_of_redis(own_redis: RedisServer, tmp_path: Path) -> None:
    """A short outage of Redis costs time, but no line and no ranking."""
    with running(own_redis.url, tmp_path) as run:
        run.give(lines(1, 60))
        eventually(lambda: run.recorded() == 60, "the lines are recorded")
        own_redis.stop()
        run.give(lines(61, 120))
        own_redis.start()
        with StandInWorker(own_redis.url):
            out, _ = run.process.communicate(timeout=60)
    assert run.process.returncode == 0, run.said()
    assert names(out.decode()) == [str(number) for number in range(1, 121)]


@pytest.mark.usefixtures("worker")
def test_rankings_past_their_retention_leave_the_output_as_it_is(
    redis_url: str, tmp_path: Path
) -> None:
    """If no results are left, an earlier output is not replaced; if some are, they are written."""
    given, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    given.write_bytes(lines(1, 3) + b"no job\n")
    done = rerankq("run", str(given), "-o", str(out), RERANKQ_REDIS_URL=redis_url)
    found = BATCH.search(done.stderr)
    assert found
    earlier = out.read_text()
    first, *others = (json.loads(line)["job_id"] for line in earlier.splitlines()[:3])
    with Redis.from_url(redis_url) as judge:
        judge.delete(*(f"celery-task-meta-{each}" for each in (first, *others)))
        judge.delete(*(f"rerankq:job:{each}" for each in others))
        gone = results(redis_url, found[1], "-o", str(out))
        assert (gone.returncode, out.read_text()) == (1, earlier)
        assert gone.stderr.startswith(f"rerankq: all rankings of {found[1]} are past their retent")
        judge.set(f"celery-task-meta-{first}", _a_failure())
    some = results(redis_url, found[1])
    assert names(some.stdout) == ["1", "2", "3", None]
    missing = json.loads(some.stdout.splitlines()[1])["error"]
    assert missing["code"] == "job_not_found"
    assert missing["message"].startswith("row 2: no job has the id ")


def _a_failure() -> bytes:
    return b"{" + outcomes.failure(JobFailed("upstream_refused", "no"))


def test_an_unknown_batch_leaves_the_output_as_it_is(redis_url: str, tmp_path: Path) -> None:
    """A wrong id is one line, exit code 1, and nothing is overwritten."""
    out = tmp_path / "out.jsonl"
    out.write_text("of an earlier run\n")
    done = results(redis_url, "batch-nope", "-o", str(out))
    assert done.returncode == 1
    assert done.stderr.startswith("rerankq: no batch has the id batch-nope")
    assert out.read_text() == "of an earlier run\n"
