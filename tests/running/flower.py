"""Flower, as `rerankq flower` runs it."""

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

from running.command import RERANKQ
from running.redis_server import free_port
from running.waiting import eventually
from running.worker import clean_environment

USER = ("ann", "flower-password")


@contextmanager
def flower(
    redis_url: str, log: Path, *options: str, cwd: Path | None = None, **settings: str
) -> Iterator[tuple[str, int]]:
    """Run Flower, in the folder `cwd`; yields its address and its process id.

    It keeps what it has seen beside its log, unless `options` name another folder.
    """
    port = free_port()
    with log.open("wb") as output:
        process = subprocess.Popen(
            [
                RERANKQ,
                "flower",
                "--port",
                str(port),
                "--data",
                str(log.parent / "flower"),
                *options,
            ],
            env=clean_environment() | {"RERANKQ_REDIS_URL": redis_url} | settings,
            cwd=cwd,
            stdout=output,
            stderr=output,
        )
    address = f"http://127.0.0.1:{port}"
    try:
        eventually(lambda: _status(address), "Flower answers")
        yield address, process.pid
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait(30)


def _status(address: str) -> int:
    try:
        return requests.get(address, timeout=10).status_code
    except requests.ConnectionError:
        return 0


def workers_seen(address: str) -> list[str]:
    """Names of the workers that it shows to `USER`."""
    answer = requests.get(f"{address}/api/workers?refresh=1", auth=USER, timeout=30)
    return list(answer.json()) if answer.ok else []
