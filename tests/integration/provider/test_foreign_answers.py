"""An upstream that sends an answer too many on a connection."""

import asyncio
import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable

import orjson
import pytest

from rerankq.contract import RerankRequest
from rerankq_worker.provider import HttpProvider
from rerankq_worker.upstream.dialects import DIALECTS
from rerankq_worker.upstream.errors import Cause, Transient, UpstreamError
from rerankq_worker.upstream.port import Call
from running.raw_server import RawServer, Serve, read_request
from running.waiting import eventually

JOBS = 1_500
AT_A_TIME = 60
MOST_DELAY_S = 0.05
DEADLINE_S = 30.0


def ranking(number: str) -> bytes:
    """An answer without documents, whose score shows which job it belongs to."""
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
            # This sleep is the fault itself; it waits for nothing.
            time.sleep(chance.uniform(0, MOST_DELAY_S))
            connection.sendall(ranking(number))

    return serve


async def scores(url: str) -> Counter[bool]:
    """Count the jobs with a ranking, by whether it is their own."""
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
    """No job takes a second answer for its own, however soon it follows the first."""
    chance = random.Random(7)  # noqa: S311  no secret
    with RawServer(doubling(status, chance)) as server:
        found = asyncio.run(scores(server.url))
    assert found[False] == 0
    assert found[True] == (JOBS if status == 200 else 0)


class Upstream:
    """Answers when the test wants, and repeats answers when the test wants.

    Attributes:
        asked: the queries that have come.
        answering: set while requests are answered.
        repeating: set when the first answer of each connection is to be sent again.
    """

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answering, self.repeating = threading.Event(), threading.Event()

    def serve(self, connection: socket.socket) -> None:
        """Serve a connection: its first answer comes twice."""
        first = self._answered(connection)
        self.repeating.wait(DEADLINE_S)
        connection.sendall(first)
        while True:
            self._answered(connection)

    def _answered(self, connection: socket.socket) -> bytes:
        query = orjson.loads(read_request(connection)[1])["query"]
        self.asked.append(query)
        self.answering.wait(DEADLINE_S)
        answer = ranking(query)
        connection.sendall(answer)
        return answer


async def score(provider: HttpProvider, number: int) -> float:
    """The score that the job with this number gets."""
    request = RerankRequest(query=str(number), documents=("d",))
    answer = await provider.rerank(Call(f"job-{number}", 1, request, "m", "sk-1"))
    return answer.scores[0].relevance_score


class Clock:
    """Replaces the clock of the running loop, and can be moved forward."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self._true_time, self._ahead = loop.time, 0.0
        loop.time = self._time  # type: ignore[method-assign]

    def forward(self, seconds: float) -> None:
        """Move the clock forward."""
        self._ahead += seconds

    def _time(self) -> float:
        return self._true_time() + self._ahead


async def until(condition: Callable[[], bool], what: str) -> None:
    """Wait for a condition that a thread of the server fulfils."""
    await asyncio.to_thread(eventually, condition, what)


@pytest.mark.parametrize(("latency", "late"), [(0.01, 0.1), (1.0, 0.8), (2.0, 2.0), (10.0, 10.0)])
def test_an_answer_repeated_one_latency_later_meets_no_call(latency: float, late: float) -> None:
    """A connection carries no other call for as long as a second answer can be expected."""

    async def body(upstream: Upstream, server: RawServer) -> list[float]:
        clock = Clock()
        numbers = range(AT_A_TIME)
        async with HttpProvider(url=server.url, dialect=DIALECTS["dmxapi"](), call_seconds=60) as p:
            calls = asyncio.gather(*(score(p, number) for number in numbers))
            await until(lambda: len(upstream.asked) == AT_A_TIME, "all calls have come")
            clock.forward(latency)
            upstream.answering.set()
            found = await calls
            clock.forward(late)
            calls = asyncio.gather(*(score(p, number + AT_A_TIME) for number in numbers))
            # By now each call has sent its request, if it uses an old connection.
            await asyncio.sleep(0)
            upstream.repeating.set()
            return found + await calls

    upstream = Upstream()
    with RawServer(upstream.serve) as server:
        assert asyncio.run(body(upstream, server)) == list(range(2 * AT_A_TIME))
        assert server.connections == 2 * AT_A_TIME


def test_calls_in_flight_at_an_answer_too_many_are_not_trusted() -> None:
    """After an answer too many, answers on other connections count only if they are the first."""
    asked: list[str] = []
    caught = threading.Event()

    def serve(connection: socket.socket) -> None:
        while True:
            number = orjson.loads(read_request(connection)[1])["query"]
            asked.append(number)
            if number == "2":
                eventually(lambda: len(asked) == 5, "all calls have come")
            elif number in {"3", "4"}:
                caught.wait(DEADLINE_S)
            connection.sendall(ranking(number) * (2 if number == "2" else 1))

    async def body(url: str) -> list[float | BaseException]:
        clock = Clock()
        async with HttpProvider(url=url, dialect=DIALECTS["dmxapi"](), call_seconds=60) as p:
            assert await asyncio.gather(*(score(p, number) for number in (0, 1))) == [0, 1]
            clock.forward(5)
            calls = [asyncio.create_task(score(p, number)) for number in (2, 3, 4)]
            await asyncio.wait(calls[:1])
            caught.set()
            return await asyncio.gather(*calls, return_exceptions=True)

    with RawServer(serve) as server:
        *doubted, first_answer = asyncio.run(body(server.url))
        assert server.connections == 3
    assert first_answer == 4
    assert [(type(each), getattr(each, "cause", None)) for each in doubted] == [
        (Transient, Cause.NO_HTTP)
    ] * 2
