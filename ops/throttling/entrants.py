"""What is measured: rerankq, and Celery alone in two ways."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

from chaos.numbered import numbered_job
from rerankq import RerankClient
from rerankq.contract import MAX_HINT_JOBS
from running.redis_server import RedisServer
from running.upstream import Upstream
from running.worker import RunningWorker, clean_environment

PROCESSES: Final = 4
IN_FLIGHT: Final = 100
THREADS: Final = 25
STOP_SECONDS: Final = 20.0
_PATH: Final = os.pathsep.join(str(Path(__file__).parents[2] / each) for each in ("ops", "tests"))


@dataclass(frozen=True, slots=True)
class Place:
    """Redis, upstream and folder of one measurement."""

    redis: RedisServer
    upstream: Upstream
    folder: Path


class Rerankq:
    """Four `rerankq worker` processes, with the known limits as settings."""

    name: Final = "rerankq"

    @contextmanager
    def workers(
        self, place: Place, known: Mapping[str, int], *, interactive: bool = False
    ) -> Iterator[None]:
        """Run them."""
        settings: dict[str, Any] = dict(known)
        lanes = ["bulk"] * PROCESSES + ["interactive"] * interactive
        with ExitStack() as stack:
            for lane in lanes:
                stack.enter_context(
                    RunningWorker(
                        place.redis.url,
                        place.upstream.url,
                        place.folder,
                        lane=lane,
                        max_in_flight=IN_FLIGHT,
                        drain_seconds=0,
                        **settings,
                    )
                )
            yield

    def feed(self, place: Place, count: int) -> None:
        """Submit `count` bulk jobs."""
        jobs = (numbered_job(number) for number in range(count))
        with RerankClient(place.redis.url) as client:
            while portion := list(islice(jobs, MAX_HINT_JOBS)):
                for _ in client.submit_many(portion):
                    pass


@dataclass(frozen=True, slots=True)
class Peer:
    """Four Celery workers with threads, which retry 429s with exponential backoff.

    Attributes:
        limited: whether each has Celery's `rate_limit`, set to a quarter of the known rate.
    """

    name: str
    limited: bool

    @contextmanager
    def workers(
        self, place: Place, known: Mapping[str, int], *, interactive: bool = False
    ) -> Iterator[None]:
        """Run them."""
        del interactive
        share = f"{known['rpm'] / PROCESSES:g}/m" if self.limited else ""
        command = [sys.executable, "-m", "celery", "-A", "throttling.peers.app", "worker"]
        options = ["-P", "threads", "-c", str(THREADS), "--without-mingle", "--without-gossip"]
        running = []
        with ExitStack() as stack:
            log = stack.enter_context((place.folder / "peers.log").open("ab"))
            for number in range(PROCESSES):
                process = subprocess.Popen(
                    [*command, *options, "-n", f"peer{number}"],
                    env=self._environment(place, share),
                    stdout=log,
                    stderr=log,
                )
                stack.callback(_end, process)
                running.append(process)
            yield

    def feed(self, place: Place, count: int) -> None:
        """Put `count` messages on the queue."""
        from throttling.peers.app import app, call  # noqa: PLC0415  Celery's app is created at import

        connection = app.connection_for_write(place.redis.url)
        with connection, connection.Producer() as producer:
            for number in range(count):
                call.apply_async((_body(number),), producer=producer)

    def _environment(self, place: Place, share: str) -> dict[str, str]:
        return clean_environment() | {
            "PYTHONPATH": _PATH,
            "PEER_REDIS_URL": place.redis.url,
            "PEER_UPSTREAM_URL": place.upstream.url,
            "PEER_RATE_LIMIT": share,
        }


Entrant = Rerankq | Peer

OURS: Final = Rerankq()
RATE_LIMIT: Final = Peer("Celery rate_limit", limited=True)
RETRIES: Final = Peer("plain retries", limited=False)


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(STOP_SECONDS)


def _body(number: int) -> dict[str, Any]:
    request = numbered_job(number).request
    return {
        "model": "qwen3-reranker-8b",
        "query": request.query,
        "documents": list(request.texts()),
        "top_n": request.wanted,
    }
