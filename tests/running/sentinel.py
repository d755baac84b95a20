"""A primary, replicas and Sentinels, all real, in processes of their own."""

import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from redis import Redis
from redis.exceptions import RedisError

from running.redis_server import RedisServer, free_port, server_binary
from running.waiting import eventually

SERVICE = "ledger"
DOWN_MS = 1_500
"""After so long a silence a Sentinel takes a server for dead; 30 s by default, 5 s is usual."""
SENTINELS = 3
QUORUM = 2


@dataclass(frozen=True, slots=True)
class Group:
    """Servers that Sentinels watch.

    Attributes:
        primary: the server that was the primary first.
        replicas: the others.
        url: the address by which rerankq finds whichever is the primary.
        ports: the ports of the Sentinels.
        sentinel_password: their password.
    """

    primary: RedisServer
    replicas: Sequence[RedisServer]
    url: str
    ports: Sequence[int]
    sentinel_password: str = ""

    def leader(self) -> RedisServer:
        """The server that the first Sentinel names as the primary now."""
        with _client(self.ports[0], self.sentinel_password) as client:
            _, port = client.execute_command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", SERVICE)
        return next(each for each in (self.primary, *self.replicas) if each.port == int(port))

    def failed_over(self, seconds: float = 30.0) -> RedisServer:
        """Wait until another server is the primary, and takes writes; returns it."""

        def found() -> RedisServer | None:
            leader = self.leader()
            if leader is self.primary:
                return None
            with leader.client() as client:
                role = client.info("replication")["role"]
            return leader if role == "master" else None

        return eventually(found, "a replica is the primary", seconds=seconds)


@contextmanager
def sentinels(
    folder: Path,
    primary: RedisServer,
    *,
    replicas: int = 1,
    fsync: str = "everysec",
    password: str = "",
    sentinel_password: str = "",
) -> Iterator[Group]:
    """Replicas and Sentinels for a server that runs already.

    Args:
        folder: for their data and logs.
        primary: the server to watch.
        replicas: how many replicas it gets.
        fsync: the replicas' `appendfsync`.
        password: the servers' password; the primary has it already.
        sentinel_password: the Sentinels' own password.
    """
    login = ("--requirepass", password, "--masterauth", password) if password else ()
    with ExitStack() as stack:
        followers = []
        for number in range(replicas):
            place = folder / f"replica-{number}"
            place.mkdir()
            options = ("--replicaof", f"127.0.0.1 {primary.port}", *login)
            replica = RedisServer(place, fsync=fsync, options=options, password=password)
            followers.append(stack.enter_context(replica))
        for each in followers:
            follows(each)
        ports = []
        for number in range(SENTINELS):
            place = folder / f"sentinel-{number}"
            place.mkdir()
            ports.append(
                stack.enter_context(sentinel(place, primary.port, password, sentinel_password))
            )
        for port in ports:
            _knows_the_others(port, sentinel_password, replicas)
        hosts = ",".join(f"127.0.0.1:{port}" for port in ports)
        who = f":{password}@" if password else ""
        query = f"?sentinel_password={sentinel_password}" if sentinel_password else ""
        url = f"sentinel://{who}{hosts}/{SERVICE}/0{query}"
        yield Group(primary, followers, url, ports, sentinel_password)


def follows(replica: RedisServer) -> None:
    """Wait until a replica has the primary's data, and gets each write."""
    with replica.client() as client:
        eventually(
            lambda: client.info("replication").get("master_link_status") == "up",
            "the replica follows",
        )


@contextmanager
def sentinel(folder: Path, primary: int, password: str = "", own: str = "") -> Iterator[int]:
    """One Sentinel that watches the server at this port; gives its own port."""
    port = free_port()
    lines = [
        f"port {port}",
        "bind 127.0.0.1",
        f"dir {folder}",
        f"sentinel monitor {SERVICE} 127.0.0.1 {primary} {QUORUM}",
        f"sentinel down-after-milliseconds {SERVICE} {DOWN_MS}",
        f"sentinel failover-timeout {SERVICE} 10000",
    ]
    if password:
        lines.append(f"sentinel auth-pass {SERVICE} {password}")
    if own:
        lines += [f"requirepass {own}", f"sentinel sentinel-pass {own}"]
    file = folder / "sentinel.conf"
    file.write_text("\n".join(lines) + "\n")
    with (folder / "sentinel.log").open("ab") as log:
        process = subprocess.Popen(
            [server_binary(), str(file), "--sentinel"], stdout=log, stderr=log
        )
    try:
        eventually(lambda: _answers(port, own), "the Sentinel answers")
        yield port
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait(30)
        shutil.rmtree(folder, ignore_errors=True)


def _answers(port: int, password: str) -> bool:
    try:
        with _client(port, password) as client:
            return bool(client.ping())
    except RedisError:
        return False


def _client(port: int, password: str) -> Redis:
    return Redis(port=port, password=password or None, decode_responses=True, protocol=2)


def _knows_the_others(port: int, password: str, replicas: int) -> None:
    """Wait until a Sentinel knows the replicas and the other Sentinels: so it can vote."""

    def knows() -> bool:
        try:
            with _client(port, password) as client:
                told = client.execute_command("SENTINEL", "MASTER", SERVICE)
        except RedisError:
            return False
        about = told if isinstance(told, dict) else dict(zip(told[::2], told[1::2], strict=True))
        return (
            int(about["num-slaves"]) == replicas
            and int(about["num-other-sentinels"]) == SENTINELS - 1
        )

    eventually(knows, "the Sentinel knows all servers", seconds=30.0)
