"""A gateway on the measured core, as scenarios call it from the other one."""

import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

from bench.arena import Arena, free_port
from bench.calling_gateway import GatewayCaller
from bench.processes import Running


class Gateway(GatewayCaller):
    """A gateway that runs.

    Args:
        url: its address.
        running: its process.
    """

    def __init__(self, url: str, running: Running) -> None:
        super().__init__(url)
        self.running = running


@contextmanager
def gateway(arena: Arena, **settings: str) -> Iterator[Gateway]:
    """Start a gateway; it ends with the block."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    files = {"RERANKQ_GATEWAY_FILES_DIR": str(arena.folder / "files")}
    quiet = {"RERANKQ_LOG_LEVEL": "warning"}
    with arena.rerankq("gateway", "--port", str(port), **files, **quiet, **settings) as running:
        arena.until(lambda: _serves(url), "the gateway to serve", running)
        yield Gateway(url, running)


def _serves(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/ready", timeout=10):  # noqa: S310  a fixed address
            return True
    except (urllib.error.URLError, OSError):
        return False
