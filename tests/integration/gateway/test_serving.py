import signal
import socket
from contextlib import ExitStack
from pathlib import Path

import requests

from rerankq_gateway.parts import MOST_UPLOADS
from running.command import rerankq
from running.gateway import GatewayProcess
from running.processes import children, running_among
from running.redis_server import RedisServer
from running.waiting import eventually


def test_it_serves_and_ends_in_order(tmp_path: Path, redis_url: str) -> None:
    """`/live` and `/ready` answer; SIGTERM ends all processes with exit code 0."""
    for workers in ("1", "2"):
        with GatewayProcess(tmp_path, redis_url, "--workers", workers) as gateway:
            answer = eventually(lambda: _answered(f"{gateway.url}/ready"), "it is ready")
            assert answer.json() == {"ledger": "ok", "gateway": "ok"}
            assert requests.head(f"{gateway.url}/live", timeout=10).status_code == 200
            for unknown in ("none", "v1/batches/"):
                assert requests.get(f"{gateway.url}/{unknown}", timeout=10).status_code == 404
            assert gateway.stop() == 0
            assert "Traceback" not in gateway.log()


def test_its_processes_end_with_the_one_that_started_them(tmp_path: Path, redis_url: str) -> None:
    """When the parent of several processes is killed, the others free the port and end."""
    with GatewayProcess(tmp_path, redis_url, "--workers", "2") as gateway:
        assert gateway.process
        eventually(lambda: _answered(f"{gateway.url}/ready"), "it is ready")
        others = children(gateway.process.pid)
        assert len(others) >= 2
        port = gateway.port
        gateway.stop(signal.SIGKILL)
    eventually(lambda: not _listens(port), "the port is free")
    eventually(lambda: not running_among(others), "its processes have ended")


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _answered(url: str) -> requests.Response | None:
    try:
        return requests.get(url, timeout=10)
    except (requests.ConnectionError, requests.Timeout):
        return None


def test_it_is_not_ready_without_redis(tmp_path: Path, own_redis: RedisServer) -> None:
    """Without Redis it starts, lives and says why it is not ready."""
    own_redis.stop(signal.SIGKILL)
    with GatewayProcess(tmp_path, own_redis.url) as gateway:
        assert requests.get(f"{gateway.url}/live", timeout=10).status_code == 200
        answer = requests.get(f"{gateway.url}/ready", timeout=10)
        assert answer.status_code == 503
        assert "Redis" in answer.json()["ledger"]
        own_redis.start()
        eventually(lambda: requests.get(f"{gateway.url}/ready", timeout=10).ok, "it is ready again")


def test_it_does_not_start_where_it_would_be_open_to_all(redis_url: str) -> None:
    """Off the loopback it needs tokens: it says how to make one."""
    done = rerankq("gateway", "--host", "192.0.2.1", RERANKQ_REDIS_URL=redis_url)
    assert done.returncode == 2
    assert "rerankq token create" in done.stderr


def test_a_port_in_use_is_named(redis_url: str) -> None:
    """One line says which address cannot be listened on."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = rerankq("gateway", "--port", port, RERANKQ_REDIS_URL=redis_url)
    assert done.returncode == 2
    assert port in done.stderr
    assert "Traceback" not in done.stderr


def test_readers_and_uploads_are_so_many(tmp_path: Path, redis_url: str) -> None:
    """More readers of streams, or uploads, than there are places get 503; places come free again.

    An upload that hardly comes is given up after a while, and so frees its place.
    """
    settings = {"RERANKQ_GATEWAY_MAX_STREAMS": "1", "RERANKQ_GATEWAY_IDLE_SECONDS": "5"}
    with GatewayProcess(tmp_path, redis_url, **settings) as gateway, ExitStack() as exits:
        batches = f"{gateway.url}/v1/batches"
        at = f"{batches}/{requests.post(batches, json={}, timeout=10).json()['id']}"
        reading = requests.get(f"{at}/events", stream=True, timeout=30)
        told = reading.iter_lines()
        assert next(told)
        for what in ("events", "results?wait=true", "failures"):
            refused = requests.get(f"{at}/{what}", timeout=10)
            code = refused.json()["error"]["code"]
            assert (refused.status_code, code) == (503, "too_many_streams")
            assert refused.headers["retry-after"] == "2"
        reading.close()
        eventually(lambda: requests.get(f"{at}/failures", timeout=10).ok, "the place is free")
        head = b"POST /v1/jobs:batch HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9999\r\n\r\n{"
        slow = [
            exits.enter_context(socket.create_connection(("127.0.0.1", gateway.port)))
            for _ in range(MOST_UPLOADS)
        ]
        for each in slow:
            each.sendall(head)

        def upload() -> str:
            answer = requests.post(f"{at}/jobs", data=b"{}", timeout=10)
            return str(answer.json()["error"]["code"])

        eventually(lambda: upload() == "too_many_uploads", "the uploads have begun")
        for each in slow:
            each.settimeout(30)
            assert each.recv(100).startswith(b"HTTP/1.1 408 ")
        eventually(lambda: upload() == "invalid_lines", "the places are free")
