import errno
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from running.command import RERANKQ
from running.sandbox import BODY, TIMEOUT_S, RunningSandbox
from running.worker import clean_environment

START = """
from rerankq_sandbox import SandboxConfig, main_run
main_run(SandboxConfig(port=0, scorer="bigram"))
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_ends_the_process_cleanly(number: signal.Signals) -> None:
    """The process says where it listens in one line, and ends with 0 on SIGTERM and SIGINT."""
    command = [sys.executable, "-W", "error", "-c", START]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        process.send_signal(number)
        rest, errors = process.communicate(timeout=TIMEOUT_S)
    assert line.startswith("sandbox: listening on http://127.0.0.1:")
    assert line.endswith("/v1/rerank (scorer: bigram, key check: off)\n")
    assert (process.returncode, rest, errors) == (0, "", "")


def test_the_key_may_be_in_the_env_file(tmp_path: Path) -> None:
    """RERANKQ_SANDBOX_KEY is read from `.env` as from the environment."""
    (tmp_path / ".env").write_text("RERANKQ_SANDBOX_KEY=sk-one sk-two\n", "utf-8")
    with (
        subprocess.Popen(
            [RERANKQ, "sandbox", "--port", "0", "--scorer", "bigram"],
            cwd=tmp_path,
            env=clean_environment(),
            stdout=subprocess.PIPE,
            text=True,
        ) as process,
    ):
        assert process.stdout is not None
        address = process.stdout.readline().split()[3]
        refused = requests.post(address, json=BODY, timeout=TIMEOUT_S)
        answered = requests.post(
            address, json=BODY, headers={"Authorization": "sk-two"}, timeout=TIMEOUT_S
        )
        process.terminate()
    assert (refused.status_code, answered.status_code) == (401, 200)


def test_taken_port_is_an_os_error() -> None:
    """A port that is taken raises OSError with its errno, and leaves nothing running."""
    with RunningSandbox() as first:
        second = RunningSandbox(port=first.port)
        with pytest.raises(OSError, match=str(first.port)) as caught:
            second.__enter__()
    assert caught.value.errno == errno.EADDRINUSE


def test_unwritable_log_is_an_os_error(tmp_path: Path) -> None:
    """A log file that cannot be opened stops the start, before a port is taken."""
    sandbox = RunningSandbox(log=tmp_path / "missing" / "log.jsonl")
    with pytest.raises(FileNotFoundError):
        sandbox.__enter__()
    assert sandbox.port == 0
