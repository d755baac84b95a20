"""A service with metrics: a worker of both lanes, a gateway, a stand-in upstream, and some jobs."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import requests

from rerankq import RerankClient
from rerankq.errors import JobFailed
from running.gateway import GatewayProcess
from running.redis_server import RedisServer, free_port
from running.sandbox import RunningSandbox
from running.worker import RunningWorker

QUESTION: Final[dict[str, Any]] = {
    "query": "a question",
    "documents": ["first", "and a second one"],
}


class MeasuredService:
    """The service, and where its metrics are.

    Attributes:
        redis: the ledger.
        upstream: the stand-in for the endpoint.
        gateway: one of two processes.
        targets: where metrics answer, as host and port, by the job in Prometheus' sense.
    """

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.redis = stack.enter_context(RedisServer(folder))
        self.upstream = stack.enter_context(RunningSandbox(dialect="jina"))
        health, metrics = free_ports(2), free_port()
        self.worker = stack.enter_context(
            RunningWorker(
                *(self.redis.url, self.upstream.url, folder),
                lane="",
                dialect="jina",
                health_port=health,
                metrics=1,
            )
        )
        self.gateway = stack.enter_context(
            GatewayProcess(
                *(folder, self.redis.url),
                RERANKQ_METRICS="1",
                RERANKQ_GATEWAY_METRICS_PORT=str(metrics),
                RERANKQ_GATEWAY_FILES_DIR=str(folder / "files"),
            )
        )
        self.targets = {
            "worker": [f"127.0.0.1:{health}", f"127.0.0.1:{health + 1}"],
            "gateway": [f"127.0.0.1:{metrics}"],
        }
        self.client = stack.enter_context(RerankClient(self.redis.url))

    def work(self) -> None:
        """Jobs of both lanes: some are throttled or retried, one fails; a batch and an upload."""
        with self.client.batch() as batch:
            for _ in batch.add_many([QUESTION] * 10):
                pass
        batch.wait()
        self.upstream.set_faults(
            *({"times": 1, "action": {"kind": "status", "status": each}} for each in (429, 500)),
        ).raise_for_status()
        for handle in [self.client.submit(**QUESTION) for _ in range(20)]:
            handle.result(timeout=60)
        self.upstream.fault(kind="status", status=400)
        with suppress(JobFailed):
            self.client.submit(**QUESTION).result(timeout=60)
        self.rerank().raise_for_status()
        self.rerank(documents=[])
        requests.get(f"{self.gateway.url}/v1/nothing", timeout=30)
        requests.post(
            f"{self.gateway.url}/v1/files",
            files={"file": ("jobs.jsonl", b"{}\n")},
            data={"purpose": "batch"},
            timeout=60,
        ).raise_for_status()

    def rerank(self, **changes: object) -> requests.Response:
        """One call of the gateway."""
        body = QUESTION | changes
        return requests.post(f"{self.gateway.url}/v1/rerank", json=body, timeout=60)

    def metrics(self, target: str) -> str:
        """What a process shows now."""
        answer = requests.get(f"http://{target}/metrics", timeout=30)
        answer.raise_for_status()
        return answer.text


def free_ports(count: int) -> int:
    """The first of so many ports in a row on which nothing listens now."""
    while True:
        first = free_port()
        if all(is_free(port) for port in range(first, first + count)):
            return first


def is_free(port: int) -> bool:
    """Whether nothing listens on a port."""
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


@contextmanager
def measured_service(folder: Path) -> Iterator[MeasuredService]:
    """The service, while the block lasts."""
    with ExitStack() as stack:
        yield MeasuredService(folder, stack)
