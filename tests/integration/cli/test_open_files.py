"""Services may open as many files as their user may, whatever they are started with."""

import resource
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from running.gateway import GatewayProcess
from running.sandbox import RunningSandbox
from running.waiting import eventually
from running.worker import RunningWorker

FEW = 200

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs prlimit")


@pytest.fixture
def few_files() -> Iterator[None]:
    """What is started meanwhile may open few files, unless it asks for more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (FEW, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def _may_open_many(process: int) -> bool:
    soft, hard = resource.prlimit(process, resource.RLIMIT_NOFILE)
    return soft > FEW or soft == hard


@pytest.mark.usefixtures("few_files")
def test_a_worker_may_open_many_files(redis_url: str, tmp_path: Path) -> None:
    """A worker with the usual limit has room for its calls and its idle connections."""
    with RunningSandbox() as sandbox, RunningWorker(redis_url, sandbox.url, tmp_path) as worker:
        eventually(lambda: _may_open_many(worker.process.pid), "its limit is raised", seconds=90)


@pytest.mark.usefixtures("few_files")
def test_a_gateway_may_open_many_files(redis_url: str, tmp_path: Path) -> None:
    """A gateway with the usual limit has room for those who wait."""
    with GatewayProcess(tmp_path, redis_url) as gateway:
        assert gateway.process
        process = gateway.process.pid
        eventually(lambda: _may_open_many(process), "its limit is raised", seconds=90)
