"""One stand-in upstream and one worker, each a process of its own, for single measurements."""

import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import requests

from bench.arena import free_port
from bench.processes import Running

PATIENCE_SECONDS: Final = 300.0
POLL_SECONDS: Final = 0.05


class Stand:
    """A stand-in upstream and its workers.

    Args:
        redis_url: the ledger.
        folder: for logs.
        port: of the stand-in.
    """

    def __init__(self, redis_url: str, folder: Path, port: int) -> None:
        self.redis_url = redis_url
        self._folder = folder
        self._base = f"http://127.0.0.1:{port}"

    def log(self) -> list[Mapping[str, object]]:
        """What the stand-in was asked."""
        answer = requests.get(f"{self._base}/_sandbox/log?since=0", timeout=30)
        entries: list[Mapping[str, object]] = answer.json()["entries"]
        return entries

    @contextmanager
    def worker(self, path: str = "/v1/rerank", **settings: str) -> Iterator[None]:
        """A worker of the bulk lane, ready, that calls the stand-in by `path`.

        `settings` are given by their names without the prefix.
        """
        health = free_port()
        with _running(
            "worker",
            self._folder,
            *("worker", "--lane", "bulk"),
            redis_url=self.redis_url,
            upstream_url=f"{self._base}{path}",
            health_port=str(health),
            **settings,
        ):
            _until_answered(f"http://127.0.0.1:{health}/ready")
            yield


@contextmanager
def stand(redis_url: str, folder: Path, *, latency_ms: float) -> Iterator[Stand]:
    """A stand-in upstream with that latency, while the block runs."""
    port = free_port()
    options = "--port", str(port), "--latency-ms", f"{latency_ms:g}"
    with _running("sandbox", folder, "sandbox", *options):
        _until_answered(f"http://127.0.0.1:{port}/_sandbox/stats")
        yield Stand(redis_url, folder, port)


@contextmanager
def _running(name: str, folder: Path, *words: str, **settings: str) -> Iterator[None]:
    environment = {
        "DMXAPI_API_KEY": "sk-bench",
        "RERANKQ_SCORE_CHECK_SECONDS": "0",
        **{f"RERANKQ_{name.upper()}": value for name, value in settings.items()},
    }
    command = [sys.executable, "-m", "rerankq.cli", *words]
    log = (folder / f"{name}.log").open("ab")
    with log, Running(command, os.environ | environment, folder, log):
        yield


def _until_answered(url: str) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        try:
            requests.get(url, timeout=1).raise_for_status()
        except requests.RequestException:
            time.sleep(POLL_SECONDS)
        else:
            return
    raise SystemExit(f"{url} does not answer")
