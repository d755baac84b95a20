"""A rolling upgrade from 0.1, and back: old and new producers and workers share one Redis."""

import json
import re
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from chaos.endings import Endings
from rerankq import RerankClient
from rerankq.contract import BatchState, JobState
from rerankq.secret_files import SECRETS, file_name_of
from rerankq.settings import ClientSettings
from rerankq.variables import OTHER_NAMES
from running.command import RERANKQ
from running.released import ReleasedWorker, released, run_released
from running.sandbox import RunningSandbox
from running.waiting import eventually
from running.worker import RunningWorker, clean_environment

ROOT = Path(__file__).parents[3]
PRODUCER = Path(__file__).with_name("producer.py")
SETTINGS = Path(__file__).with_name("known_settings.py")
JOBS, IN_FLIGHT = 80, 4


def new_worker(redis_url: str, upstream: RunningSandbox, folder: Path) -> RunningWorker:
    return RunningWorker(redis_url, upstream.url, folder, max_in_flight=IN_FLIGHT)


def old_worker(redis_url: str, upstream: RunningSandbox, folder: Path) -> ReleasedWorker:
    return ReleasedWorker(redis_url, upstream.url, folder, max_in_flight=IN_FLIGHT)


# A dozen processes are started one after the other: on busy cores that takes up to two minutes.
pytestmark = pytest.mark.timeout(240)


@pytest.fixture(autouse=True)
def _released() -> None:
    released("rerankq")


@pytest.fixture
def upstream() -> Iterator[RunningSandbox]:
    """Slow enough that each worker holds jobs when it is ended."""
    with RunningSandbox(latency_ms=100) as sandbox:
        yield sandbox


def test_all_jobs_end_once_through_an_upgrade_and_back(
    redis_url: str, upstream: RunningSandbox, tmp_path: Path
) -> None:
    """Producers and workers of both versions, ended in order and killed: none lost or doubled."""
    endings = Endings(redis_url)
    endings.start()
    ids: list[str] = []

    def submit_by_both(client: RerankClient) -> None:
        """Jobs of both producers; returns while some of them wait, and workers hold some."""
        ids.extend(run_released(PRODUCER, "submit", redis_url, f"old {len(ids)}", str(JOBS)))
        # That process takes its time to end: some of its jobs may be done. Of these none is yet.
        drafts = ({"query": f"new {len(ids)} {n}", "documents": ["a"]} for n in range(JOBS))
        called = len(upstream.log())
        ids.extend(handle.id for handle in client.submit_many(drafts))
        eventually(lambda: len(upstream.log()) > called, "a job is called")
        assert len(upstream.log()) < len(ids)

    def end_all(client: RerankClient) -> None:
        """Each client waits for the jobs of both."""
        ranked = run_released(PRODUCER, "results", redis_url, given=ids)
        assert set(ranked) == {1, 3}
        assert {client.status(each).state for each in ids} == {JobState.SUCCEEDED}

    try:
        with (
            RerankClient(redis_url) as client,
            new_worker(redis_url, upstream, tmp_path) as new,
        ):
            with old_worker(redis_url, upstream, tmp_path) as old:
                submit_by_both(client)
                # The upgrade: the old worker ends in order, and the new one does the rest.
                assert old.terminate() == 0
                end_all(client)
            with old_worker(redis_url, upstream, tmp_path) as old:
                submit_by_both(client)
                # And back: the new worker dies with its jobs, and the old one takes them.
                new.process.send_signal(signal.SIGKILL)
                end_all(client)
                # Forward again: now the old one dies.
                with new_worker(redis_url, upstream, tmp_path):
                    submit_by_both(client)
                    old.process.send_signal(signal.SIGKILL)
                    end_all(client)
        eventually(lambda: len(endings.heard()) >= len(ids), "all ends were heard")
    finally:
        endings.stop()
    assert endings.heard().keys() == set(ids)
    assert [job_id for job_id, ends in endings.heard().items() if len(ends) > 1] == []
    # Two workers were killed: calls in flight, and rankings that they had not written, came again.
    calls = Counter(each["job_id"] for each in upstream.log())
    assert calls.keys() == set(ids)
    assert max(calls.values()) <= 2
    assert sum(count > 1 for count in calls.values()) <= 2 * 2 * IN_FLIGHT


def test_batches_of_both_command_lines_are_finished_by_both_workers(
    redis_url: str, upstream: RunningSandbox, tmp_path: Path
) -> None:
    """`rerankq run` of each version writes all rankings in order; this one reads both later."""
    jobs = tmp_path / "jobs.jsonl"
    rows = [{"query": f"q {n}", "documents": ["a", "b"], "custom_id": str(n)} for n in range(JOBS)]
    jobs.write_text("".join(f"{json.dumps(each)}\n" for each in rows), "utf-8")
    environment = clean_environment() | {"RERANKQ_REDIS_URL": redis_url}

    def run(command: str, name: str) -> tuple[list[str], str]:
        """The custom ids that were written, and the batch."""
        out = tmp_path / f"{name}.jsonl"
        done = subprocess.run(
            [command, "run", str(jobs), "-o", str(out), "--json"],
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        lines = [json.loads(line)["custom_id"] for line in out.read_text("utf-8").splitlines()]
        return lines, json.loads(done.stderr.splitlines()[-1])["batch_id"]

    def read(batch: str) -> list[str]:
        words = [RERANKQ, "results", batch]
        done = subprocess.run(words, env=environment, capture_output=True, text=True, check=True)
        return [json.loads(line)["custom_id"] for line in done.stdout.splitlines()]

    with (
        old_worker(redis_url, upstream, tmp_path),
        new_worker(redis_url, upstream, tmp_path),
        RerankClient(redis_url) as client,
        ThreadPoolExecutor(1) as pool,
    ):
        of_old = pool.submit(run, released("rerankq"), "old")
        (by_new, new), (by_old, old) = run(RERANKQ, "new"), of_old.result()
        assert by_new == by_old == [each["custom_id"] for each in rows]
        assert client.batch(new).status().state is BatchState.COMPLETED
        assert read(new) == read(old) == by_new


def test_the_way_back_names_each_setting_that_the_old_version_refuses() -> None:
    """upgrading.md lists all settings that 0.1 does not know, but for the gateway's and files."""
    known = {*ClientSettings.names(), *OTHER_NAMES} - {*run_released(SETTINGS)}
    new = {each for each in known if not each.startswith("RERANKQ_GATEWAY_")}
    page = (ROOT / "docs/upgrading.md").read_text("utf-8")
    (listed,) = re.findall(r"and none of these: (.*?)\. Nor", page, re.DOTALL)
    files = {file_name_of(each) for each in SECRETS}
    assert re.findall(r"`(\w+)`", listed) == sorted(new - files)


def test_what_an_old_worker_cannot_do_loses_no_job(
    redis_url: str, upstream: RunningSandbox, tmp_path: Path
) -> None:
    """It ranks jobs of tenants and of paused batches, and tells nobody of an end (upgrading.md)."""
    with RerankClient(redis_url) as client:
        acme = client.for_tenant("acme")
        client.tenants.set("acme", queued=IN_FLIGHT)
        with old_worker(redis_url, upstream, tmp_path):
            # More than its quota: what the old worker leaves behind is cleared away.
            for _ in range(2):
                for each in [acme.submit(query="q", documents=["a"]) for _ in range(IN_FLIGHT)]:
                    assert each.result(timeout=30).results
            with client.open_batch() as batch:
                batch.pause()
                batch.add(query="q", documents=["a"])
            paused = client.batch(batch.id)
            eventually(lambda: paused.status().succeeded == 1, "a pause does not hold it back")
            told = [{"task": "app.ended", "queue": "own"}]
            job = client.submit(query="q", documents=["a"], callbacks=told)
            assert job.result(timeout=30).results
            waiting = [acme.submit(query="q", documents=["a"]) for _ in range(IN_FLIGHT)]
        with new_worker(redis_url, upstream, tmp_path):
            for each in waiting:
                assert each.result(timeout=30).results
            eventually(lambda: client.tenants.use("acme").queued == 0, "the books are right again")
