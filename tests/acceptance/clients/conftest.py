"""One gateway with a worker and the sandbox, for all clients."""

from collections.abc import Iterator

import pytest

from rerankq import RerankClient
from running.command import RERANKQ, sandbox_process
from running.foreign_clients import Deployment, Task
from running.gateway import GatewayProcess
from running.redis_server import RedisServer
from running.waiting import eventually
from running.worker import RunningWorker


@pytest.fixture(scope="session")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """The installed gateway, a worker of both lanes and the sandbox."""
    folder = tmp_path_factory.mktemp("clients")
    settings = {
        "RERANKQ_GATEWAY_FILES_DIR": str(folder / "files"),
        # Receivers of webhooks are on this machine.
        "RERANKQ_GATEWAY_WEBHOOK_HTTP": "1",
        "RERANKQ_GATEWAY_WEBHOOK_NETWORKS": "127.0.0.1",
    }
    with (
        # Not the Redis of other tests: they empty it.
        RedisServer(folder) as redis,
        sandbox_process(folder, "--key", "sk-test", "--latency-ms", "20") as upstream,
        RunningWorker(redis.url, upstream, folder, lane="", command=(RERANKQ,), concurrency=8),
        RerankClient(redis.url) as client,
        GatewayProcess(folder, redis.url, **settings) as gateway,
    ):
        made = Deployment(gateway, client)
        first = made.task()
        eventually(lambda: first.answer().ok, "a worker serves")
        yield made


@pytest.fixture(scope="session")
def task(deployment: Deployment) -> Task:
    """A call that the gateway answers."""
    return deployment.task()
