"""An upstream that answers three calls of ten wrongly, always in one way, and ranks the others."""

import itertools
import socket
import struct
import time
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from rerankq import RerankClient
from running.raw_server import RawServer, read_request
from running.worker import RunningWorker

JOBS = 200
LATENCY_SECONDS = 0.05
MOST_SECONDS = 20.0
WELL_AT_FIRST = 20
"""The site is known to rank when the first fault comes."""
RESET = struct.pack("ii", 1, 0)
"""SO_LINGER by which closing a connection resets it."""


def answer(status: int, body: bytes = b"", *headers: str, cut: int = 0) -> bytes:
    """An answer, whole, or with so many bytes missing at its end."""
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", *headers, "", ""]
    whole = "\r\n".join(lines).encode() + body
    return whole[: len(whole) - cut]


def ranking(request: bytes) -> bytes:
    """A good answer's body."""
    count = len(orjson.loads(request)["documents"])
    rows = [{"index": at, "relevance_score": 0.9 - 0.1 * at} for at in range(count)]
    return orjson.dumps({"results": rows})


JSON, PAGE = "Content-Type: application/json", b"<html>moved</html>"
FAULTS: dict[str, Callable[[bytes], bytes]] = {
    "bad gateway": lambda _: answer(502, PAGE),
    "slow down": lambda _: answer(429, b"{}", JSON, "Retry-After: 0"),
    "cut off": lambda good: answer(200, good, JSON, cut=9),
    "reset": lambda _: b"",
    "page": lambda _: answer(200, PAGE),
    "redirect": lambda _: answer(302, b"", "Location: /elsewhere"),
    "not modified": lambda _: b"HTTP/1.1 304 Not Modified\r\n\r\n",
    "not found": lambda _: answer(404, PAGE),
    "unknown key": lambda _: answer(401, b'{"error":{"message":"bad key"}}', JSON),
    "broken JSON": lambda good: answer(200, good[:-9], JSON),
}


@pytest.mark.parametrize("kind", FAULTS)
def test_the_others_are_ranked_as_fast(kind: str, redis_url: str, tmp_path: Path) -> None:
    """Faults of single calls cost a retry each, and neither a job nor the speed of the rest."""
    numbers = itertools.count()

    def serve(connection: socket.socket) -> None:
        while True:
            _, request = read_request(connection)
            number = next(numbers)
            is_well = number < WELL_AT_FIRST or number % 10 not in {2, 5, 9}
            good = ranking(request)
            told = answer(200, good, JSON) if is_well else FAULTS[kind](good)
            time.sleep(LATENCY_SECONDS)
            if not told:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                return
            connection.sendall(told)
            if kind == "cut off" and not is_well:
                return

    with (
        RawServer(serve) as upstream,
        RunningWorker(redis_url, upstream.url, tmp_path),
        RerankClient(redis_url) as client,
    ):
        began = time.monotonic()
        jobs = client.submit_many({"query": f"q{n}", "documents": ["a", "b"]} for n in range(JOBS))
        for job in list(jobs):
            left = began + MOST_SECONDS - time.monotonic()
            assert len(job.result(timeout=max(0.0, left)).results) == 2
