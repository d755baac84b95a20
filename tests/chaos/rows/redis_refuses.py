"""Redis answers with refusals, of each kind: to some commands, to all, or to new connections."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass

import requests
from redis import Redis
from redis.exceptions import RedisError

from chaos.aftermath import Aftermath
from chaos.load import Load
from chaos.row import Arena, Report, Row, report_on
from chaos.stage import Stage
from running.redis_server import RedisServer, free_port
from running.waiting import eventually, lasting

BACK_SECONDS = 15.0
SAID_SECONDS = 10.0
"""Within this time log and readiness must say what is wrong."""
UNUSED_PORT = 1
"""A local port on which nothing listens."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A kind of refusal.

    Attributes:
        name: Redis' own word, in lower case.
        fault: what happens, in a few words.
        words: what rerankq says about it.
        lasting: a context in which Redis refuses.
    """

    name: str
    fault: str
    words: str
    lasting: Callable[[RedisServer], AbstractContextManager[None]]

    def row(self) -> Row:
        """The row that plays it."""
        return Row(
            name=f"redis-{self.name}",
            fault=self.fault,
            demand="D = 0; named in log and readiness; back within 15 s",
            play=self._play,
            short=Load(jobs=200, seconds=2.0, workers=1, ahead=60),
            long=Load(rounds=2, jobs=3_000, seconds=60.0),
        )

    def _play(self, arena: Arena) -> Report:
        ports = [free_port() for _ in range(arena.load.workers)]
        with arena.stage(redis_address=_with_password) as stage:
            stage.start_workers([{"RERANKQ_HEALTH_PORT": str(port)} for port in ports])
            stage.producer.start()
            stage.called(stage.load.jobs // 3)
            with self.lasting(stage.redis):
                stage.producer.hurry()
                eventually(
                    lambda: all(map(self._said, ports)),
                    f"readiness says: {self.words}",
                    seconds=SAID_SECONDS,
                )
                lasting(stage.load.seconds, lambda: True, "Redis refuses")
            over = time.time()
            aftermath = stage.settle()
            report = report_on(aftermath)
            self._judge(report, stage, aftermath, over)
        return report

    def _said(self, port: int) -> bool:
        try:
            answer = requests.get(f"http://127.0.0.1:{port}/ready", timeout=5)
        except requests.ConnectionError:
            return False
        return answer.status_code == 503 and self.words in answer.json()["ledger"]

    def _judge(self, report: Report, stage: Stage, aftermath: Aftermath, over: float) -> None:
        report.demand(report.repeats == 0, f"D = 0: {report.repeats}")
        report.demand(
            all(self.words in worker.log() for worker in stage.workers),
            f"the log says: {self.words}",
        )
        back = aftermath.first_answer(over)
        report.figures |= {"back after s": back, "refusals": len(aftermath.refusals)}
        report.demand(back <= BACK_SECONDS, f"back within {BACK_SECONDS:g} s: {back:.1f} s")


def _with_password(redis: RedisServer) -> str:
    """An address with a user and a password, which Redis accepts while it requires none."""
    return redis.url.replace("redis://", "redis://default:of-before@")


def _setting(
    *, for_newcomers: bool = False, **changed: tuple[str, str]
) -> Callable[[RedisServer], AbstractContextManager[None]]:
    """A refusal by settings, each with its value during the fault and after it.

    Args:
        for_newcomers: whether only new connections are refused; then existing ones are cut first.
        **changed: the settings.
    """

    @contextmanager
    def set_so(redis: RedisServer) -> Iterator[None]:
        with redis.client() as client:
            _set(client, {name: values[0] for name, values in changed.items()})
            if for_newcomers:
                client.client_kill_filter(_type="normal", skipme=True)
            try:
                yield
            finally:
                _set(client, {name: values[1] for name, values in changed.items()})

    return set_so


def _set(client: Redis, settings: dict[str, str]) -> None:
    for name, value in settings.items():
        client.config_set(name.replace("_", "-"), value)


@contextmanager
def _no_snapshot(redis: RedisServer) -> Iterator[None]:
    """A snapshot fails, because a folder has the name of its file."""
    obstacle = redis.folder / "dump.rdb"
    (obstacle / "obstacle").mkdir(parents=True)
    with redis.client() as client:
        client.config_set("save", "3600 1")
        _snapshot(client, "err")
        try:
            yield
        finally:
            (obstacle / "obstacle").rmdir()
            obstacle.rmdir()
            _snapshot(client, "ok")


def _snapshot(client: Redis, status: str) -> None:
    def taken() -> bool:
        with suppress(RedisError):
            client.bgsave()
        return bool(client.info("persistence")["rdb_last_bgsave_status"] == status)

    eventually(taken, f"the last snapshot is {status}")


@contextmanager
def _demoted(redis: RedisServer) -> Iterator[None]:
    with redis.client() as client:
        client.replicaof("127.0.0.1", UNUSED_PORT)
        try:
            yield
        finally:
            client.replicaof("NO", "ONE")


@contextmanager
def _held_up(redis: RedisServer) -> Iterator[None]:
    """A script that does not end by itself."""

    def held() -> None:
        with redis.client() as client, suppress(RedisError):
            client.eval("while true do end", 0)

    thread = threading.Thread(target=held, name="chaos-script")
    with redis.client() as client:
        client.config_set("lua-time-limit", 100)
        thread.start()
        try:
            yield
        finally:
            client.script_kill()
            thread.join()


@contextmanager
def _loading(redis: RedisServer) -> Iterator[None]:
    """Redis loads its data slowly, and answers meanwhile that it is loading."""

    def reloaded() -> None:
        with redis.client() as client, suppress(RedisError):
            client.execute_command("DEBUG", "RELOAD")

    thread = threading.Thread(target=reloaded, name="chaos-reload")
    with redis.client() as client:
        client.config_set("loading-process-events-interval-bytes", 1024)
        client.config_set("key-load-delay", 20_000)
        thread.start()
        try:
            yield
        finally:
            client.config_set("key-load-delay", 0)
            thread.join()


@contextmanager
def _forbidden(redis: RedisServer) -> Iterator[None]:
    with redis.client() as client:
        client.acl_setuser(
            "default", enabled=True, categories=["-@all"], commands=["+acl", "+ping"]
        )
        try:
            yield
        finally:
            client.acl_setuser("default", enabled=True, categories=["+@all"])


REFUSALS = (
    Refusal(
        "oom",
        "Redis is out of memory for a minute",
        "is out of memory",
        _setting(maxmemory=("1", "0")),
    ),
    Refusal(
        "misconf",
        "Redis cannot write a snapshot, so it accepts no writes",
        "cannot write to its disk",
        _no_snapshot,
    ),
    Refusal(
        "noreplicas",
        "Redis has fewer replicas than it must have",
        "has too few replicas",
        _setting(min_replicas_to_write=("1", "0")),
    ),
    Refusal(
        "readonly",
        "Redis is demoted to a replica, and promoted again",
        "is a read-only replica",
        _demoted,
    ),
    Refusal("busy", "Redis is held up by a script", "is held up by a script", _held_up),
    Refusal("loading", "Redis loads its data slowly", "is still loading its data", _loading),
    Refusal(
        "maxclients",
        "Redis accepts no new connection, and existing ones are cut",
        "takes no more connections",
        _setting(for_newcomers=True, maxclients=("1", "10000")),
    ),
    Refusal(
        "noperm",
        "the ACL user may do nothing any more",
        "forbids this user the command",
        _forbidden,
    ),
    Refusal(
        "wrongpass",
        "the password is changed, and all connections are cut",
        "refuses user or password",
        _setting(for_newcomers=True, requirepass=("of-now", "")),
    ),
)
ROWS = tuple(refusal.row() for refusal in REFUSALS)
