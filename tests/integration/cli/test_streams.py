"""stdin, stdout and stderr when they are closed, full, or of another encoding."""

import json
import os
import pty
import signal
import subprocess
from pathlib import Path

import pytest

from rerankq import RerankClient
from running.command import RERANKQ, rerankq
from running.ledger_desk import LedgerDesk
from running.proxy import Proxy
from running.redis_server import RedisServer
from running.stand_in_worker import StandInWorker
from running.worker import clean_environment

STEERING = "a\x1b]0;owned\x07\x9b31m\u202eb"
JOB = json.dumps({"custom_id": "emoji 😀", "query": "q", "documents": ["勤洗手 😀", "é"]}) + "\n"


def shell(
    command: str, redis_url: str, folder: Path, **settings: str
) -> subprocess.CompletedProcess[bytes]:
    """Run a shell command that uses this `rerankq`."""
    line = f'rerankq() {{ "{RERANKQ}" "$@"; }}; {command}'
    environment = clean_environment() | {"RERANKQ_REDIS_URL": redis_url} | settings
    return subprocess.run(
        ["bash", "-c", line],
        env=environment,
        cwd=folder,
        capture_output=True,
        timeout=60,
        check=False,
    )


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize(
    ("command", "code", "told"),
    [
        ("rerankq run in -o out 2>&-", 0, ""),
        ("rerankq run in -o out <&- >&- 2>&-", 0, ""),
        ("rerankq run - -o out < in >&-", 0, "1 of 1 jobs done"),
        ("rerankq run in -o stdout; mv stdout out", 0, "1 of 1 jobs done"),
        ("rerankq run in >> out", 0, "1 of 1 jobs done"),
        ("gzip -c in | rerankq run - -o out", 0, "run: stdin is gzip: unpacked while reading"),
    ],
)
def test_a_closed_stream_disturbs_no_other(
    redis_url: str, tmp_path: Path, command: str, code: int, told: str
) -> None:
    """If another stream is closed, the rankings are complete and contain nothing else."""
    (tmp_path / "in").write_text(JOB)
    (tmp_path / "stdout").write_text("old\n")
    done = shell(command, redis_url, tmp_path)
    assert (done.returncode, done.stdout) == (code, b"")
    assert told in done.stderr.decode()
    (row,) = map(json.loads, (tmp_path / "out").read_text("utf-8").splitlines())
    assert (row["status"], row["custom_id"]) == ("succeeded", "emoji 😀")


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("rerankq run in >&-", "cannot write stdout: it is closed"),
        ("rerankq submit -q q -d a >&-", "cannot write stdout: it is closed"),
        ("rerankq schema >&-", "cannot write stdout: it is closed"),
        ("rerankq --help >&-", "cannot write stdout: it is closed"),
        ("rerankq run --help > /dev/full", "cannot write stdout: No space left on device"),
        ("rerankq sandbox --port 0 >&-", "cannot write stdout: it is closed"),
        ("rerankq schema > /dev/full", "cannot write stdout: No space left on device"),
        ("rerankq run - < in >> in", "stdout is input and output at once: name another output"),
        ("rerankq run in.zip -o out", "cannot read in.zip: it is a zip archive"),
        ("rerankq run - -o out < in.zip", "cannot read stdin: it is a zip archive"),
        ("rerankq run . -o out", "cannot read .: Is a directory"),
        ("rerankq run $'\\e[31m' -o out", "cannot read  [31m: No such file"),
        ("rerankq run in -o no/out", "cannot write no/out: No such file"),
    ],
)
def test_a_run_that_cannot_work_ends_at_once(
    redis_url: str, tmp_path: Path, command: str, told: str
) -> None:
    """One line, exit code 2, no job submitted, and the output unchanged."""
    (tmp_path / "in").write_text(JOB)
    (tmp_path / "in.zip").write_bytes(b"PK\x03\x04" + b"x" * 100)
    (tmp_path / "out").write_text("old\n")
    done = shell(command, redis_url, tmp_path)
    assert (done.returncode, done.stdout) == (2, b""), done.stderr
    assert done.stderr.decode().startswith(f"rerankq: {told}")
    assert done.stderr.count(b"\n") == 1
    assert (tmp_path / "out").read_text() == "old\n"
    assert (tmp_path / "in").read_text() == JOB
    with LedgerDesk(redis_url) as desk:
        assert not desk.redis.keys("*")


@pytest.mark.parametrize("options", ["", "--json"])
def test_an_id_that_stdout_does_not_take_is_on_stderr(
    redis_url: str, tmp_path: Path, options: str
) -> None:
    """The job's id goes to stderr: without it the user might submit and pay for the job twice."""
    done = shell(f"rerankq submit -q q -d a {options} > /dev/full", redis_url, tmp_path)
    told, error = done.stderr.decode().splitlines()
    assert (done.returncode, error) == (2, "rerankq: cannot write stdout: No space left on device")
    status = shell(f"rerankq status {told.split()[-1]}", redis_url, tmp_path)
    assert status.returncode == 0


def test_an_interrupted_submit_says_the_id(own_redis: RedisServer) -> None:
    """The job may be recorded: its id is printed, so that the user does not pay twice."""
    with RerankClient(own_redis.url) as client:
        client.submit(query="q", documents=["d"], lane="interactive")  # Redis knows the script
    with Proxy(own_redis.port) as proxy:
        environment = clean_environment() | {"RERANKQ_REDIS_URL": proxy.url}
        command = [RERANKQ, "submit", "-q", "q", "-d", "a"]
        with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE) as submit:
            proxy.lose_answer(b"interactive", lambda: submit.send_signal(signal.SIGINT))
            _, told = submit.communicate(timeout=60)
    assert submit.returncode == 130
    with LedgerDesk(own_redis.url) as desk:
        assert desk.redis.exists(f"rerankq:job:{told.split()[-1].decode()}")


@pytest.mark.usefixtures("worker")
def test_a_full_disk_ends_a_run_that_can_be_resumed(redis_url: str, tmp_path: Path) -> None:
    """The message names the problem and how to come back; the rankings are kept."""
    (tmp_path / "in").write_text(JOB)
    done = shell("rerankq run in > /dev/full", redis_url, tmp_path)
    said = done.stderr.decode()
    assert done.returncode == 2
    assert "rerankq: cannot write stdout: No space left on device\n" in said
    assert "on a disk with free space" in said
    batch = said.split("\n")[0].removeprefix("run: ")
    again = shell(f"rerankq results {batch}", redis_url, tmp_path)
    assert again.stdout.count(b'"succeeded"') == 1


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "gbk", "utf-8"])
def test_a_ranking_is_shown_in_any_encoding(redis_url: str, tmp_path: Path, encoding: str) -> None:
    """A terminal that lacks a character shows a question mark; JSON is UTF-8 in any case."""
    (tmp_path / "in").write_text(JOB)
    command = "rerankq submit --wait < in && rerankq submit --wait --json < in 2>/dev/null"
    done = shell(command, redis_url, tmp_path, PYTHONIOENCODING=encoding)
    assert done.returncode == 0, done.stderr
    *table, row = done.stdout.splitlines()
    assert "勤洗手 😀".encode(encoding, "replace") in b"\n".join(table)
    assert json.loads(row.decode())["custom_id"] == "emoji 😀"


@pytest.mark.parametrize("closes", [False, True], ids=["stays", "closes"])
def test_a_run_in_a_terminal(redis_url: str, tmp_path: Path, *, closes: bool) -> None:
    """A bar is shown while it runs; when the terminal is closed, the run ends in order."""
    (tmp_path / "in").write_text(JOB)
    terminal, its_end = pty.openpty()
    process = subprocess.Popen(
        [RERANKQ, "run", "in", "-o", "out"],
        env=clean_environment() | {"RERANKQ_REDIS_URL": redis_url, "TERM": "xterm"},
        cwd=tmp_path,
        stdout=its_end,
        stderr=its_end,
        start_new_session=True,
    )
    os.close(its_end)
    shown = b""
    while b"0/1" not in shown:
        shown += os.read(terminal, 1000)
    if closes:
        os.close(terminal)
        process.send_signal(signal.SIGHUP)
        assert process.wait(30) == 130
        return
    with StandInWorker(redis_url):
        while b"1 of 1 jobs done" not in shown:
            shown += os.read(terminal, 1000)
        assert process.wait(30) == 0
    os.close(terminal)


def test_no_text_can_control_the_terminal(redis_url: str) -> None:
    """Control characters in a name are not printed; JSON escapes them."""
    with LedgerDesk(redis_url) as desk:
        desk.fail(desk.claimed("a", custom_id=STEERING))
    for command in (("status", "a"), ("dead", "list"), ("dead", "show", "a"), ("result", "a")):
        told = rerankq(*command, RERANKQ_REDIS_URL=redis_url)
        assert all(line.isprintable() for line in (told.stdout + told.stderr).split("\n")), command
        shown = rerankq(*command, "--json", RERANKQ_REDIS_URL=redis_url).stdout
        assert shown.strip().isprintable()
        told_to_scripts = json.loads(shown)
        assert (told_to_scripts["job_id"], told_to_scripts["custom_id"]) == ("a", STEERING)


def test_a_table_in_a_pipe_has_a_line_a_row(redis_url: str) -> None:
    """Without a terminal nothing is cut, and each row is one line."""
    name = "x" * 400
    with LedgerDesk(redis_url) as desk:
        desk.fail(desk.claimed("a", custom_id=name))
    told = rerankq("dead", "list", RERANKQ_REDIS_URL=redis_url)
    assert len(told.stdout.splitlines()) == 3
    assert name in told.stdout.splitlines()[1]
