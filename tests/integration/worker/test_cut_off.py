"""One of several workers is cut off: it has no connection, or the vendor refuses its address."""

import socket
from pathlib import Path
from urllib.parse import urlsplit

import requests

from rerankq import RerankClient
from running.ledger_desk import LedgerDesk
from running.raw_server import RawServer, read_request
from running.redis_server import free_port
from running.sandbox import RunningSandbox
from running.waiting import eventually
from running.worker import RunningWorker

JOBS = 400


def test_a_worker_that_is_cut_off_leaves_its_jobs_to_others(redis_url: str, tmp_path: Path) -> None:
    """The worker stops and says so; no job uses an attempt, and the account stays usable."""
    nowhere = {"http_proxy": f"http://127.0.0.1:{free_port()}", "no_proxy": ""}
    health = free_port()
    with (
        RunningSandbox(keys=("sk-test",), latency_ms=50) as upstream,
        RunningWorker(redis_url, upstream.url, tmp_path, max_in_flight=10) as well,
        RunningWorker(
            redis_url, upstream.url, tmp_path, environment=nowhere, health_port=health
        ) as ill,
        RerankClient(redis_url) as client,
        LedgerDesk(redis_url) as desk,
    ):
        jobs = ({"query": f"q{n}", "documents": ["a", "b"]} for n in range(JOBS))
        handles = list(client.submit_many(jobs))
        assert {each.result(timeout=60).attempts for each in handles} == {1}
        eventually(lambda: "alone gets no rankings" in ill.log(), "it says so", seconds=20)

        def ready() -> requests.Response:
            return requests.get(f"http://127.0.0.1:{health}/ready", timeout=10)

        assert ready().status_code == 503
        assert "alone gets no rankings" in ready().json()["upstream"]
        account = desk.look(urlsplit(upstream.url).netloc)
        assert (account.mode, list(account.cut_off.values())) == ("open", ["proxy"])
        assert "is broken now" not in well.log()


NOT_LET_IN = b'{"error":{"message":"ip not allowed"}}'


def refuse(connection: socket.socket) -> None:
    """A proxy through which the vendor refuses every call."""
    while True:
        read_request(connection)
        head = b"HTTP/1.1 403 X\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
        connection.sendall(head % len(NOT_LET_IN) + NOT_LET_IN)


def test_a_worker_whose_address_is_refused_parks_no_key(redis_url: str, tmp_path: Path) -> None:
    """Its key is refused while other workers get rankings by it: it stops, and they go on."""
    with (
        RunningSandbox(keys=("sk-test",), latency_ms=50) as upstream,
        RawServer(refuse) as proxy,
        RunningWorker(redis_url, upstream.url, tmp_path, max_in_flight=5) as well,
        RerankClient(redis_url) as client,
        LedgerDesk(redis_url) as desk,
    ):
        client.submit(query="q", documents=["a", "b"]).result(timeout=30)
        account = urlsplit(upstream.url).netloc
        eventually(lambda: desk.look(account).served, "the fleet knows that the key is good")
        way = {"http_proxy": f"http://127.0.0.1:{proxy.port}", "no_proxy": ""}
        with RunningWorker(
            redis_url, upstream.url, tmp_path, max_in_flight=5, environment=way
        ) as ill:
            jobs = ({"query": f"q{n}", "documents": ["a", "b"]} for n in range(JOBS))
            for each in list(client.submit_many(jobs)):
                assert each.result(timeout=60).attempts <= 2
            eventually(lambda: "alone gets no rankings" in ill.log(), "it says so", seconds=20)
            for log in (well.log(), ill.log()):
                assert "is parked" not in log
                assert "is doubted" not in log
