"""The bare loop: the same calls by the same HTTP client, without a queue.

python -m bench.bare N    N calls, as many at a time as the workers make; prints one line of JSON
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import Iterator
from typing import Any

import httpx
import orjson

from bench.entry import IN_FLIGHT, UPSTREAM_URL
from bench.peers.calling import CALL_SECONDS, client
from bench.work import Job, body, check, jobs, result
from rerankq_worker.provider.transport import EndpointTransport
from rerankq_worker.provider.trust import trust

HEADERS = {"content-type": "application/json"}


OWN_TRANSPORT = bool(os.environ.get("BENCH_OWN_TRANSPORT"))


class OwnTransport(httpx.AsyncBaseTransport):
    """The transport of rerankq's workers, as a transport of httpx."""

    def __init__(self) -> None:
        url = httpx.URL(UPSTREAM_URL)
        self._transport = EndpointTransport(url, trust(), connect_seconds=CALL_SECONDS)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request, and read its answer."""
        target = request.url.raw_path
        lines = [b"POST %b HTTP/1.1" % target, *(b"%b: %b" % each for each in request.headers.raw)]
        connection = await self._transport.exchange(
            b"\r\n".join([*lines, b"", await request.aread()])
        )
        content = b""
        try:
            while chunk := await connection.chunk():
                content += chunk
        finally:
            self._transport.release(connection)
        return httpx.Response(connection.status, headers=connection.headers, content=content)


def own_client() -> httpx.AsyncClient:
    """An httpx client over the transport that rerankq's workers use."""
    return httpx.AsyncClient(transport=OwnTransport(), timeout=CALL_SECONDS, trust_env=False)


async def loop(count: int) -> dict[str, float]:
    """Make the calls; connections are opened before the clock starts."""
    work = jobs(count)
    async with own_client() if OWN_TRANSPORT else client() as http:

        async def call(job: Job) -> dict[str, Any]:
            response = await http.post(
                UPSTREAM_URL, content=orjson.dumps(body(job)), headers=HEADERS
            )
            response.raise_for_status()
            return result(orjson.loads(response.content))

        async def lane(turns: Iterator[int]) -> None:
            for at in turns:
                stored[at] = await call(work[at])

        stored: dict[int, dict[str, Any]] = {}
        await asyncio.gather(*(call(job) for job in work[:IN_FLIGHT]))
        turns = iter(range(count))
        wall, cpu = time.perf_counter(), time.process_time()
        await asyncio.gather(*(lane(turns) for _ in range(IN_FLIGHT)))
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    for at, found in stored.items():
        check(found["results"], work[at])
    return {"seconds": wall, "cpu_seconds": cpu}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(loop(int(sys.argv[1])))) + "\n")
