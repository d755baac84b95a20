"""A batch between terminals: one runs it, others watch it, pause it, let it go on and cancel it."""

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from rerankq import RerankClient
from rerankq.contract import BatchState
from running.command import RERANKQ, rerankq, sandbox_process
from running.waiting import eventually
from running.worker import RunningWorker, clean_environment

JOBS = 3000
LATENCY_MS = 200
SECONDS = 90


@pytest.fixture
def stack(redis_url: str, tmp_path: Path) -> Iterator[str]:
    """A slow sandbox, and a worker with few calls at once; its Redis."""
    with (
        sandbox_process(tmp_path, "--key", "sk-test", "--latency-ms", str(LATENCY_MS)) as url,
        RunningWorker(redis_url, url, tmp_path, lane="", command=(RERANKQ,), concurrency=4),
    ):
        yield redis_url


@contextmanager
def begun(
    redis_url: str, folder: Path, name: str, *arguments: str
) -> Iterator[subprocess.Popen[bytes]]:
    """A command that goes on, with its output in files; killed if a test breaks off."""
    with (folder / f"{name}.out").open("wb") as out, (folder / f"{name}.err").open("wb") as err:
        process = subprocess.Popen(
            [RERANKQ, *arguments],
            env=clean_environment() | {"RERANKQ_REDIS_URL": redis_url},
            stdout=out,
            stderr=err,
        )
        with process:
            try:
                yield process
            finally:
                process.kill()


def test_one_terminal_runs_and_others_control(stack: str, tmp_path: Path) -> None:
    """A pause lets nothing begin, a resume loses nothing, and a cancel ends run and watch."""

    def asked(*arguments: str) -> str:
        done = rerankq("batch", *arguments, RERANKQ_REDIS_URL=stack)
        assert done.returncode == 0, done.stderr
        return done.stdout

    jobs, out, err = (tmp_path / name for name in ("jobs.jsonl", "ranked.jsonl", "run.err"))
    line = json.dumps({"query": "cats", "documents": ["a cat", "a dog"]}) + "\n"
    jobs.write_text(line * JOBS)
    with (
        RerankClient(stack) as client,
        begun(stack, tmp_path, "run", "run", str(jobs), "-o", str(out)) as running,
    ):
        found = eventually(lambda: re.search(r"run: (batch-\S+)", err.read_text()), "the id")
        batch, now = found[1], client.batch(found[1]).status
        with begun(stack, tmp_path, "watch", "batch", "watch", batch) as watching:
            eventually(lambda: now().succeeded, "the first job has ended")

            assert asked("pause", batch) == "paused\n"
            eventually(lambda: now().running == 0, "the running jobs have ended")
            before = now()
            eventually(lambda: now().held, "jobs are held")
            assert before.state is BatchState.PAUSED
            assert now().succeeded == before.succeeded < JOBS

            asked("resume", batch)
            eventually(lambda: now().succeeded > before.succeeded, "it goes on")
            assert asked("cancel", batch).startswith("cancelled: ")
            assert watching.wait(SECONDS) == 1
        assert running.wait(SECONDS) == 1
        last = now()
    assert (last.state, last.succeeded + last.cancelled) == (BatchState.CANCELLED, JOBS)
    rows = [json.loads(each) for each in out.read_text().splitlines()]
    assert len(rows) == JOBS
    assert sum(row["status"] == "succeeded" for row in rows) == last.succeeded
    assert f"{batch}: is paused now" in (tmp_path / "watch.err").read_text()
    assert f"{batch} was cancelled" in (tmp_path / "watch.out").read_text()
