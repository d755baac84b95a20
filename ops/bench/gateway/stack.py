"""All processes of rerankq on one core, and the upstream on the other."""

import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.arena import Arena
from bench.processes import MEASURED_CORE, Running, pinned

READY_SECONDS: Final = 120.0
POLL_SECONDS: Final = 0.1


@dataclass(frozen=True, slots=True)
class Stack:
    """What runs.

    Attributes:
        upstream: the address of its rerank route.
        gateway: the same of the gateway's.
        running: worker and gateway.
        arena: has Redis and the upstream.
    """

    upstream: str
    gateway: str
    running: tuple[Running, ...]
    arena: Arena

    def cpu_seconds(self) -> dict[str, float]:
        """Processor time so far of Redis, worker and gateway."""
        worker, gateway = (each.cpu_seconds() for each in self.running)
        redis = self.arena.redis_cpu_seconds()
        return {"Redis": redis, "worker": worker, "gateway": gateway}


@contextmanager
def stack(arena: Arena, port: int) -> Iterator[Stack]:
    """Start worker and gateway; they end with the block."""
    os.sched_setaffinity(arena.redis_pid, {MEASURED_CORE})
    environment = os.environ | {
        "RERANKQ_REDIS_URL": arena.redis_url,
        "RERANKQ_UPSTREAM_URL": arena.upstream_url,
        "DMXAPI_API_KEY": "sk-bench",
        "RERANKQ_LOG_LEVEL": "warning",
    }
    rerankq = (sys.executable, "-m", "rerankq.cli")
    commands = (
        (*rerankq, "worker", "--lane", "interactive"),
        (*rerankq, "gateway", "--port", str(port)),
    )
    url = f"http://127.0.0.1:{port}"
    with ExitStack() as opened, (Path(arena.folder) / "stack.log").open("wb") as log:
        running = tuple(
            opened.enter_context(
                Running(pinned(command, MEASURED_CORE), environment, arena.folder, log)
            )
            for command in commands
        )
        _until_it_serves(f"{url}/v1/rerank", running)
        yield Stack(arena.upstream_url, f"{url}/v1/rerank", running, arena)


def _until_it_serves(url: str, running: tuple[Running, ...]) -> None:
    body = b'{"query": "q", "documents": ["d"]}'
    until = time.monotonic() + READY_SECONDS
    while True:
        try:
            with urllib.request.urlopen(url, body, timeout=10):  # noqa: S310  a fixed address
                return
        except (urllib.error.URLError, OSError):
            if time.monotonic() > until or not all(each.alive for each in running):
                raise
            time.sleep(POLL_SECONDS)
