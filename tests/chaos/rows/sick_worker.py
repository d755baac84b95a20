"""Workers whose own proxy is broken, beside workers that are well."""

import socket
import struct
from collections.abc import Callable, Sequence
from contextlib import ExitStack

from chaos.load import Load
from chaos.row import Arena, Report, Row, report_on
from running.http_proxy import HttpProxy
from running.raw_server import RawServer, read_all, read_request
from running.waiting import eventually
from running.worker import RunningWorker

CALL_SECONDS = 3.0
CUT_OFF = "this worker alone gets no rankings"
BACK = "this worker gets rankings from"
BROKEN = "is broken now"
RESET = struct.pack("ii", 1, 0)
"""The SO_LINGER value with which closing a connection resets it."""


def _page(status: int) -> Callable[[socket.socket], None]:
    def serve(connection: socket.socket) -> None:
        read_request(connection)
        head = f"HTTP/1.1 {status} X", "Content-Type: text/html", "Content-Length: 6"
        connection.sendall("\r\n".join([*head, "Connection: close", "", "<html>"]).encode())

    return serve


def _reset(connection: socket.socket) -> None:
    read_request(connection)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)


Serve = Callable[[socket.socket], None]

SHAPES: Sequence[Serve] = (_page(502), _page(403), _page(200), _reset, read_all)
SICK_WORKERS = 2
"""Sick workers in a round, each with another kind of fault."""


class SickProxy:
    """A proxy that is broken until `well` is set; the handler of a `RawServer`."""

    def __init__(self, serve: Serve) -> None:
        self.well = False
        self._serve = serve
        self._proxy = HttpProxy()

    def __call__(self, connection: socket.socket) -> None:
        """Serve a connection."""
        (self._proxy if self.well else self._serve)(connection)


def _play(arena: Arena) -> Report:
    proxies = [SickProxy(serve) for serve in arena.chance.sample(SHAPES, SICK_WORKERS)]
    # With only one attempt, a job that pays for its worker's fault fails.
    once = {"max_attempts": 1, "min_retry_seconds": 0}
    with ExitStack() as servers, arena.stage(call_seconds=CALL_SECONDS, **once) as stage:
        ports = [servers.enter_context(RawServer(each)).port for each in proxies]
        through = [{"http_proxy": f"http://127.0.0.1:{port}", "no_proxy": ""} for port in ports]
        workers = stage.start_workers([*[{}] * stage.load.workers, *through])
        sick = workers[stage.load.workers :]
        stage.producer.start()
        _all_say(CUT_OFF, sick, stage.load.patience)
        for each in proxies:
            each.well = True
        _all_say(BACK, sick, stage.load.patience)
        aftermath = stage.settle()
    report = report_on(aftermath)
    attempts = {record.attempts for record in aftermath.records.values()}
    broken = sum(each.log().count(BROKEN) for each in workers)
    report.demand(attempts == {1}, f"no attempt is used: {attempts}")
    report.demand(broken == 0, f"the account stays usable: it was out of use {broken} times")
    report.demand(report.repeats == 0, f"D = 0: {report.repeats}")
    return report


def _all_say(word: str, workers: Sequence[RunningWorker], seconds: float) -> None:
    eventually(
        lambda: all(word in each.log() for each in workers),
        f"each sick worker says: {word}",
        seconds=seconds,
    )


SICK_WORKER = Row(
    name="sick-worker",
    fault="proxies of some workers send pages, reset connections or stay silent, then are well",
    demand="account usable; no attempt used; D = 0; each worker says so, and comes back",
    play=_play,
    short=Load(jobs=1_200, max_in_flight=6),
    long=Load(rounds=5, jobs=4_000, workers=3, max_in_flight=8),
)
