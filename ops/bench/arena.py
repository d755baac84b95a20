"""Where entries are measured: their own Redis and upstream, and a core for each side."""

import http.client
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from redis import Redis

from bench import work
from bench.load import Load
from bench.processes import MEASURED_CORE, OTHER_CORE, Running, pinned
from bench.roster import Entry
from rerankq.embedded import embedded_redis

PATIENCE_SECONDS: Final = 1800.0
POLL_SECONDS: Final = 0.01
ACTION_SECONDS: Final = 3600.0
_OPS: Final = Path(__file__).parents[1]


class BenchError(Exception):
    """An entry could not be measured; says why."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What the upstream has counted since the last measurement began."""

    requests: int
    answered: int
    most_in_flight: int
    first_at: float


class Arena:
    """Starts and stops what a measurement needs.

    Args:
        peers: folder with the peers' virtualenvs, if there are any.
    """

    def __init__(self, peers: Path | None) -> None:
        self._peers = peers
        self._open = ExitStack()
        self.redis: Redis
        self.load = Load(jobs=0)

    def __enter__(self) -> Self:
        with ExitStack() as opening:
            folder = opening.enter_context(tempfile.TemporaryDirectory(prefix="rerankq-bench-"))
            self.folder = Path(folder)
            self._log = opening.enter_context((self.folder / "log").open("wb"))
            server = opening.enter_context(embedded_redis(self.folder))
            self._redis_url = server.url
            self.redis = opening.enter_context(Redis.from_url(server.url))
            # Its child process would use the core of Redis at unknown moments.
            self.redis.config_set("auto-aof-rewrite-percentage", 0)
            self._port = free_port()
            command = [sys.executable, "-m", "bench.upstream", str(self._port)]
            environment = os.environ | {"PYTHONPATH": str(_OPS)}
            upstream = opening.enter_context(self._start(command, OTHER_CORE, environment))
            self.until(self._listens, "the upstream to listen", upstream)
            self._open = opening.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def begin(self, load: Load) -> None:
        """Empty Redis, and set the upstream's latency as the load says."""
        self.load = load
        # By default a server frees the memory later, during the next measurement.
        self.redis.execute_command("FLUSHALL", "SYNC")  # type: ignore[no-untyped-call]
        self._ask("POST", f"/begin?latency_ms={load.latency_ms:g}")

    def counts(self) -> Counts:
        """What the upstream has counted since `begin`."""
        return Counts(**self._ask("GET", "/counts"))

    def redis_cpu_seconds(self) -> float:
        """Processor time of Redis so far, without children."""
        info = self.redis.info("cpu")
        return float(info["used_cpu_sys"] + info["used_cpu_user"])

    @property
    def redis_url(self) -> str:
        """The address of Redis."""
        return self._redis_url

    @property
    def upstream_url(self) -> str:
        """The upstream's rerank route."""
        return f"http://127.0.0.1:{self._port}/v1/rerank"

    @property
    def redis_pid(self) -> int:
        """The process of Redis."""
        return int(self.redis.info("server")["process_id"])

    def redis_bytes(self) -> int:
        """Memory of the data in Redis, without buffers of connections and of its file."""
        info = self.redis.info("memory")
        buffers = info.get("mem_clients_normal", 0) + info.get("mem_aof_buffer", 0)
        return int(info["used_memory"] - buffers)

    def run(
        self, entry: Entry, *arguments: object, core: int = MEASURED_CORE, **settings: str
    ) -> dict[str, Any]:
        """Run a command of an entry until it ends; returns what it printed.

        Raises:
            BenchError: it failed.
        """
        command = pinned(self._command(entry, *arguments), core)
        return self._run(command, self._environment(entry, settings))

    def _run(self, command: list[str], environment: Mapping[str, str]) -> dict[str, Any]:
        done = subprocess.run(
            command,
            env=environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=ACTION_SECONDS,
            check=False,
        )
        if done.returncode:
            raise BenchError(f"{' '.join(command[3:7])} failed: {done.stderr.strip()[-600:]}")
        said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return said

    @contextmanager
    def acting(self, entry: Entry, *arguments: object, **settings: str) -> Iterator[Running]:
        """Start a command of an entry on the measured core; its process can be watched."""
        environment = self._environment(entry, settings)
        with self._start(self._command(entry, *arguments), MEASURED_CORE, environment) as running:
            yield running

    @contextmanager
    def worker(self, entry: Entry, **settings: str) -> Iterator[Running]:
        """A worker of the entry on the measured core."""
        with self.acting(entry, "worker", **settings) as running:
            yield running

    def use(self, module: str, *arguments: object) -> dict[str, Any]:
        """Run a module of the harness to its end, off the measured core; returns what it printed.

        Raises:
            BenchError: it failed.
        """
        command = [sys.executable, "-m", module, *map(str, arguments)]
        return self._run(pinned(command, OTHER_CORE), self._settings())

    @contextmanager
    def rerankq(self, *arguments: str, **settings: str) -> Iterator[Running]:
        """Start `rerankq` with these arguments on the measured core."""
        command = [sys.executable, "-m", "rerankq.cli", *arguments]
        with self._start(command, MEASURED_CORE, self._settings() | settings) as running:
            yield running

    def until(
        self,
        condition: Callable[[], bool],
        what: str,
        *running: Running,
        poll: float = POLL_SECONDS,
    ) -> None:
        """Wait for a condition.

        Raises:
            BenchError: it was not met in time, or a process that is needed for it has ended.
        """
        give_up = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            if not all(each.alive for each in running):
                raise BenchError(f"waited for {what}, but a process ended: {self._last_words()}")
            if time.monotonic() > give_up:
                raise BenchError(f"waited {PATIENCE_SECONDS:g} s for {what}")
            time.sleep(poll)

    def _start(self, command: list[str], core: int, environment: Mapping[str, str]) -> Running:
        return Running(pinned(command, core), environment, self.folder, self._log)

    def _command(self, entry: Entry, *arguments: object) -> list[str]:
        return [str(entry.python(self._peers)), "-m", entry.module, *map(str, arguments)]

    def _environment(self, entry: Entry, settings: Mapping[str, str]) -> dict[str, str]:
        return {**self._settings(), **entry.environment, **settings}

    def _settings(self) -> dict[str, str]:
        url = self.upstream_url
        in_flight = str(self.load.in_flight)
        return {
            **_without_settings(os.environ),
            "PYTHONPATH": str(_OPS),
            work.SHAPE: self.load.shape,
            "BENCH_REDIS_URL": self._redis_url,
            "BENCH_UPSTREAM_URL": url,
            "BENCH_IN_FLIGHT": in_flight,
            "BENCH_IDS": str(self.folder / "ids.json"),
            "RERANKQ_REDIS_URL": self._redis_url,
            "RERANKQ_UPSTREAM_URL": url,
            "RERANKQ_MAX_IN_FLIGHT": in_flight,
            # Only the calls of jobs are measured.
            "RERANKQ_SCORE_CHECK_SECONDS": "0",
            "DMXAPI_API_KEY": "sk-bench",
        }

    def _listens(self) -> bool:
        with suppress(OSError):
            return self.counts().requests == 0
        return False

    def _ask(self, method: str, path: str) -> dict[str, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=10)
        try:
            connection.request(method, path)
            answer: dict[str, Any] = json.loads(connection.getresponse().read())
        finally:
            connection.close()
        return answer

    def _last_words(self) -> str:
        return (self.folder / "log").read_text("utf-8", "replace").strip()[-600:]


def _without_settings(environment: Mapping[str, str]) -> dict[str, str]:
    return {
        name: value
        for name, value in environment.items()
        if not name.startswith(("RERANKQ_", "DMXAPI_", "BENCH_"))
    }


def free_port() -> int:
    """A port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
