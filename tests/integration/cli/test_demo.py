import re
import signal
import subprocess
from pathlib import Path

from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from running.command import RERANKQ, rerankq
from running.waiting import eventually
from running.worker import clean_environment

DONE = re.compile(r"^demo: 200 of 200 jobs done, 0 failed, [\d.]+ jobs/s$", re.MULTILINE)
REDIS = re.compile(r"started \S+ at (127\.0\.0\.1:\d+)")


def gone(address: str) -> bool:
    with Redis.from_url(f"redis://{address}") as client:
        try:
            return not client.ping()
        except RedisConnectionError:
            return True


def test_the_demo_needs_nothing_and_leaves_nothing(tmp_path: Path) -> None:
    """One command runs 200 jobs through real parts, shows rankings, and cleans up."""
    done = rerankq("demo", seconds=110, TMPDIR=str(tmp_path))
    assert done.returncode == 0, done.stdout + done.stderr
    assert DONE.search(done.stdout)
    assert "no DMXAPI_API_KEY: using the sandbox" in done.stdout
    # With the embedded extra the sandbox is slow: beginning and end of the output say so.
    assert "scores by meaning, which is slow" in done.stdout
    assert "jobs/s\ndemo: the sandbox set this pace" in done.stdout
    assert "6 lines of the sample are invalid on purpose:" in done.stdout
    assert "  line 23: not valid JSON" in done.stdout
    assert "How do I get a coffee stain out of a white shirt?" in done.stdout
    assert done.stdout.count("#   score  index  document") == 6
    redis = REDIS.search(done.stdout)
    assert redis
    assert gone(redis[1])
    assert list(tmp_path.iterdir()) == []


def test_a_served_demo_stays_until_it_is_stopped(tmp_path: Path) -> None:
    """With --serve, the printed commands work in another terminal, until SIGTERM ends the demo."""
    log = tmp_path / "demo.log"
    given = tmp_path / "in.jsonl"
    given.write_text('{"query": "cats", "documents": ["a cat", "a dog"]}\n')
    with log.open("wb") as output:
        process = subprocess.Popen(
            [RERANKQ, "demo", "--serve", "--input", str(given)],
            env=clean_environment() | {"TMPDIR": str(tmp_path)},
            stdout=output,
            stderr=output,
        )
    try:
        url = eventually(
            lambda: re.search(r"export RERANKQ_REDIS_URL=(\S+)", log.read_text()),
            "the demo serves",
            seconds=90,
        )[1]
        assert "demo: 1 of 1 jobs done, 0 failed" in log.read_text()
        done = rerankq("submit", "--wait", "-q", "q", "-d", "d", RERANKQ_REDIS_URL=url)
        assert done.returncode == 0, done.stderr
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait(30)
    assert gone(url.removeprefix("redis://").partition("/")[0])
    assert sorted(tmp_path.iterdir()) == [log, given]


def test_a_part_that_does_not_start_is_named(tmp_path: Path) -> None:
    """If a part dies early, the demo prints the end of its log, ends, and leaves nothing behind."""
    done = rerankq("demo", seconds=110, TMPDIR=str(tmp_path), RERANKQ_LEASE_SECONDS="x")
    assert done.returncode == 2
    assert "rerankq: the worker ended with code 2; end of its log: " in done.stderr
    assert "RERANKQ_LEASE_SECONDS" in done.stderr
    assert list(tmp_path.iterdir()) == []
