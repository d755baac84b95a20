"""An upstream that answers, and lets another answer follow on the same connection."""

import asyncio
import random
import socket
import time
from collections import Counter

import orjson
import pytest

from rerankq.contract import RerankRequest
from rerankq_worker.provider import DIALECTS, HttpProvider
from rerankq_worker.upstream import Call, UpstreamError
from running.raw_server import RawServer, Serve, read_request

JOBS = 1_500
AT_A_TIME = 60
MOST_DELAY_S = 0.05


def ranking(number: str) -> bytes:
    """An answer whose score tells whose it is; it names no documents."""
    body = orjson.dumps({"results": [{"index": 0, "relevance_score": float(number)}]})
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


def doubling(status: int, chance: random.Random) -> Serve:
    """Answers each request twice: with a status and, up to 50 ms later, with its ranking."""

    def serve(connection: socket.socket) -> None:
        while True:
            _, body = read_request(connection)
            number = orjson.loads(body)["query"]
            first = b"HTTP/1.1 %d No\r\nContent-Length: 0\r\n\r\n" % status
            connection.sendall(ranking(number) if status == 200 else first)
            # The fault itself, and no wait for something.
            time.sleep(chance.uniform(0, MOST_DELAY_S))
            connection.sendall(ranking(number))

    return serve


async def scores(url: str) -> Counter[bool]:
    """How many jobs have a ranking, by whether it is their own."""
    found: Counter[bool] = Counter()
    numbers = iter(range(JOBS))

    async def ask(provider: HttpProvider) -> None:
        for number in numbers:
            request = RerankRequest(query=str(number), documents=("d",))
            try:
                answer = await provider.rerank(Call(f"job-{number}", 1, request, "m", "sk-1"))
            except UpstreamError:
                continue
            found[answer.scores[0].relevance_score == number] += 1

    async with HttpProvider(url=url, dialect=DIALECTS["dmxapi"](), call_seconds=20) as provider:
        await asyncio.gather(*(ask(provider) for _ in range(AT_A_TIME)))
    return found


@pytest.mark.parametrize("status", [200, 429, 504])
def test_no_job_gets_anothers_answer(status: int) -> None:
    """However soon after an answer another one follows, no job takes it for its own."""
    chance = random.Random(7)  # noqa: S311  no secret
    with RawServer(doubling(status, chance)) as server:
        found = asyncio.run(scores(server.url))
    assert found[False] == 0
    assert found[True] == (JOBS if status == 200 else 0)
