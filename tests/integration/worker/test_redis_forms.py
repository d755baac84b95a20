"""Common forms of Redis: behind TLS, a Unix socket, a password with odd characters, and ACLs."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
import requests

from running.access import user
from running.certificates import server_context
from running.command import rerankq
from running.flower import USER, flower, workers_seen
from running.proxy import Proxy
from running.redis_server import RedisServer, free_port
from running.sandbox import RunningSandbox
from running.waiting import eventually
from running.worker import RunningWorker

PASSWORD: Final = "p@ss/w#rd;%?&"  # noqa: S105  made up here
ESCAPED: Final = "p%40ss%2Fw%23rd%3B%25%3F%26"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `ca.pem`, which is its own CA, and `key.pem`."""
    folder = tmp_path_factory.mktemp("certificate")
    server_context(folder, "DNS:localhost,IP:127.0.0.1")
    return folder


@contextmanager
def behind_tls(folder: Path, certificate: Path, *, client_shows: bool) -> Iterator[int]:
    """A Redis behind a TLS proxy, as in many clouds; yields the port for clients.

    Args:
        folder: the folder of Redis.
        certificate: where the server's certificate and key are.
        client_shows: whether a client must show a certificate, too.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "ca.pem", certificate / "key.pem")
    if client_shows:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(certificate / "ca.pem")
    with RedisServer(folder) as server, Proxy(server.port, tls=context) as proxy:
        yield proxy.port


def serves(url: str, folder: Path, **environment: Any) -> None:
    """Check that producer, worker and Flower work with the address."""
    with (
        RunningSandbox(keys=("sk-test",)) as upstream,
        RunningWorker(url, upstream.url, folder, lane="interactive", environment=environment) as w,
    ):
        done = rerankq(
            *("submit", "-q", "q", "-d", "a", "-d", "b", "--wait", "--timeout", "60"),
            RERANKQ_REDIS_URL=url,
            **environment,
        )
        assert done.returncode == 0, done.stderr + w.log()
        assert "no hint" not in done.stderr
        settings: dict[str, Any] = environment | {"RERANKQ_FLOWER_AUTH": ":".join(USER)}
        with flower(url, folder / "flower.log", **settings) as (address, _):
            eventually(lambda: workers_seen(address), "Flower sees the worker")
            queues = requests.get(f"{address}/api/queues/length", auth=USER, timeout=30).json()
            assert {"name": "rerankq.interactive", "messages": 0} in queues["active_queues"]
            shown = requests.get(f"{address}/api/workers?refresh=1", auth=USER, timeout=30).text
        assert PASSWORD not in shown
        assert ESCAPED not in shown
        assert w.terminate() == 0
        for log in (w.log(), (folder / "flower.log").read_text()):
            assert "Traceback" not in log
            assert PASSWORD not in log
            assert ESCAPED not in log


def test_tls_with_a_ca_of_the_system(tmp_path: Path, certificate: Path) -> None:
    """rediss:// without options trusts the CAs of SSL_CERT_FILE, in ledger, broker and Flower."""
    with behind_tls(tmp_path, certificate, client_shows=False) as port:
        url = f"rediss://localhost:{port}/0"
        serves(url, tmp_path, SSL_CERT_FILE=str(certificate / "ca.pem"))
        said = rerankq("submit", "-q", "q", "-d", "a", RERANKQ_REDIS_URL=url).stderr
        assert "shows a certificate that is not trusted" in said
        assert said.count("\n") == 1


def test_tls_with_a_certificate_of_the_client(tmp_path: Path, certificate: Path) -> None:
    """CA, certificate and key in the address work everywhere; without them one line says so."""
    cert, key = certificate / "ca.pem", certificate / "key.pem"
    with behind_tls(tmp_path, certificate, client_shows=True) as port:
        url = f"rediss://localhost:{port}?ssl_ca_certs={cert}"
        serves(f"{url}&ssl_certfile={cert}&ssl_keyfile={key}&db=2&protocol=3", tmp_path)
        said = rerankq("submit", "-q", "q", "-d", "a", RERANKQ_REDIS_URL=url).stderr
        assert "if it wants a client's certificate" in said


def test_unix_socket_with_options(tmp_path: Path) -> None:
    """A socket, a database, a password with odd characters, and limits as options, all at once."""
    socket = tmp_path / "r.sock"
    options = ("--unixsocket", str(socket))
    with RedisServer(tmp_path, options=options) as server, server.client() as client:
        client.config_set("requirepass", PASSWORD)
        serves(
            f"unix://:{ESCAPED}@{socket}?db=1&protocol=2&max_connections=20&client_name=shop"
            "&socket_timeout=4&socket_connect_timeout=4&health_check_interval=5",
            tmp_path,
        )


@pytest.mark.parametrize("namespace", ["", "prod"])
def test_least_rights_are_enough(tmp_path: Path, namespace: str) -> None:
    """Producer, worker and Flower work with the rights that docs/redis.md gives to each."""
    environment = {"RERANKQ_NAMESPACE": namespace}
    with (
        RedisServer(tmp_path) as server,
        server.client() as judge,
        RunningSandbox(keys=("sk-test",)) as upstream,
    ):
        producer: dict[str, Any] = environment | {
            "RERANKQ_REDIS_URL": user(server, "producer", namespace)
        }
        with (
            RunningWorker(
                user(server, "worker", namespace),
                upstream.url,
                tmp_path,
                lane="",
                environment=environment,
            ) as w,
            flower(
                user(server, "flower", namespace),
                tmp_path / "flower.log",
                RERANKQ_FLOWER_AUTH=":".join(USER),
                RERANKQ_NAMESPACE=namespace,
            ) as (address, _),
        ):
            lines = "".join(f'{{"query": "q{n}", "documents": ["a", "b"]}}\n' for n in range(60))
            done = rerankq("run", "-", "-o", "-", given=lines, **producer)
            assert done.returncode == 0, done.stderr
            said = rerankq(
                *("submit", "-q", "q", "-d", "a", "--wait", "--timeout", "30"), **producer
            )
            assert said.returncode == 0, said.stderr
            eventually(lambda: len(workers_seen(address)) == 2, "Flower sees both lanes")
            assert requests.get(f"{address}/broker", auth=USER, timeout=30).ok
            assert w.terminate() == 0
        assert "refused" not in w.log()
        refused = {
            (entry["username"], entry["reason"], entry["object"]) for entry in judge.acl_log()
        }
        # The library tries this command, and works without it.
        assert {each for each in refused if each[2] != "client|setinfo"} == set()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("redis://:wrong@127.0.0.1:{port}/0", "refuses user or password"),
        ("redis://127.0.0.1:{port}/0", "wants a password"),
        ("redis://:{password}@127.0.0.1:{port}/99", "has no database of that number"),
        ("redis://ann:pw@127.0.0.1:{port}/0", "forbids this user the command eval"),
        ("redis://127.0.0.1:{port}/0?ssl_cert_reqs=none", "which is only for rediss://"),
        ("rediss://127.0.0.1:{port}/0?ssl_ca_certs=/none", "names a file that is not there"),
    ],
)
def test_a_wrong_setup_ends_the_start(tmp_path: Path, url: str, said: str) -> None:
    """A worker that cannot work with its settings says so and exits with 2."""
    with RedisServer(tmp_path) as server, server.client() as client:
        rights = ["+ping", "+client|setname"]
        client.acl_setuser("ann", enabled=True, passwords="+pw", commands=rights)
        client.config_set("requirepass", PASSWORD)
        address = url.format(port=server.port, password=ESCAPED)
        done = rerankq("worker", RERANKQ_REDIS_URL=address, DMXAPI_API_KEY="sk-0123456789")
    assert done.returncode == 2, done.stderr
    line = next(each for each in done.stderr.splitlines() if each.startswith("rerankq: "))
    assert said in line
    assert "Traceback" not in done.stderr


def test_redis_cluster_is_refused(tmp_path: Path) -> None:
    """A cluster cannot hold the ledger: a worker does not start on it, and a client says why."""
    options = ("--cluster-enabled", "yes", "--cluster-port", str(free_port()), "--appendonly", "no")
    with RedisServer(tmp_path, options=options) as server, server.client() as client:
        client.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
        eventually(lambda: client.execute_command("CLUSTER INFO")["cluster_state"] == "ok", "up")
        submit = rerankq("submit", "-q", "q", "-d", "a", RERANKQ_REDIS_URL=server.url)
        worker = rerankq("worker", RERANKQ_REDIS_URL=server.url, DMXAPI_API_KEY="sk-0123456789")
    assert (submit.returncode, worker.returncode) == (2, 2)
    assert "is a Redis Cluster" in submit.stderr
    assert "is a Redis Cluster" in worker.stderr
