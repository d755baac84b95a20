"""An upstream that answers three of ten calls wrongly, in the same way, and ranks the others."""

import itertools
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from rerankq import JobHandle, RerankClient
from rerankq.accounts.breakers import BreakerState
from rerankq.contract import JobState
from rerankq.errors import JobFailed
from running.ledger_desk import LedgerDesk
from running.raw_server import RawServer, Serve, read_request
from running.waiting import eventually
from running.worker import RunningWorker

JOBS = 200
LATENCY_SECONDS = 0.05
MOST_SECONDS = 60.0
"""It takes 6 to 15 s; if a fault delayed other jobs too, some would not be done in time."""
WELL_AT_FIRST = 20
"""So many calls are ranked before the first fault, to show that the site ranks."""
RESET = struct.pack("ii", 1, 0)
"""The SO_LINGER value with which closing a connection resets it."""


def answer(status: int, body: bytes = b"", *headers: str, missing: int = 0) -> bytes:
    """An answer; `missing` is the number of bytes left out at its end."""
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body) + missing}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def ranking(request: bytes) -> bytes:
    """The body of a good answer."""
    count = len(orjson.loads(request)["documents"])
    rows = [{"index": at, "relevance_score": 0.9 - 0.1 * at} for at in range(count)]
    return orjson.dumps({"results": rows})


CUT = b"..."
"""Marks an answer after which the connection is closed, although more was announced."""
JSON, PAGE = "Content-Type: application/json", b"<html>moved</html>"
FAULTS: dict[str, Callable[[bytes], bytes]] = {
    "bad gateway": lambda _: answer(502, PAGE),
    "slow down": lambda _: answer(429, b"{}", JSON, "Retry-After: 0"),
    "cut off": lambda good: answer(200, good[:-9] + CUT, JSON, missing=9),
    "reset": lambda _: b"",
    "page": lambda _: answer(200, PAGE),
    "redirect": lambda _: answer(302, b"", "Location: /elsewhere"),
    "not modified": lambda _: b"HTTP/1.1 304 Not Modified\r\n\r\n",
    "not found": lambda _: answer(404, PAGE),
    "unknown key": lambda _: answer(401, b'{"error":{"message":"bad key"}}', JSON),
    "broken JSON": lambda good: answer(200, good[:-9], JSON),
}


def serving(answered: Callable[[bytes], bytes]) -> Serve:
    """A server's handler that answers requests by `answered`; an empty answer is a reset."""

    def serve(connection: socket.socket) -> None:
        while True:
            _, request = read_request(connection)
            told = answered(request)
            time.sleep(LATENCY_SECONDS)
            if not told:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                return
            connection.sendall(told)
            if told.endswith(CUT):
                return

    return serve


def submitted(client: RerankClient, count: int) -> list[JobHandle]:
    """Submit different jobs."""
    jobs = ({"query": f"q{n}", "documents": ["a", "b"]} for n in range(count))
    return list(client.submit_many(jobs))


@pytest.mark.parametrize("kind", FAULTS)
def test_the_others_are_ranked_as_fast(kind: str, redis_url: str, tmp_path: Path) -> None:
    """Faults of single calls cost one retry each; no job fails, and other jobs are not slower."""
    numbers = itertools.count()

    def answered(request: bytes) -> bytes:
        number = next(numbers)
        good, is_well = ranking(request), number < WELL_AT_FIRST or number % 10 not in {2, 5, 9}
        return answer(200, good, JSON) if is_well else FAULTS[kind](good)

    with (
        RawServer(serving(answered)) as upstream,
        RunningWorker(redis_url, upstream.url, tmp_path),
        RerankClient(redis_url) as client,
    ):
        began = time.monotonic()
        for job in submitted(client, JOBS):
            left = began + MOST_SECONDS - time.monotonic()
            assert len(job.result(timeout=max(0.0, left)).results) == 2


def test_a_text_that_is_refused_costs_others_nothing(redis_url: str, tmp_path: Path) -> None:
    """A refusal that names a content policy ends the job; after another one it is tried again."""
    told = {b"unwanted": b'"code":"content_policy","message":"no"', b"odd": b'"message":"no"'}

    def answered(request: bytes) -> bytes:
        why = next((words for text, words in told.items() if text in request), None)
        if why:
            return answer(403, b'{"error":{%b}}' % why, JSON)
        return answer(200, ranking(request), JSON)

    with (
        RawServer(serving(answered)) as upstream,
        RunningWorker(redis_url, upstream.url, tmp_path),
        RerankClient(redis_url) as client,
    ):
        submitted(client, 1)[0].result(timeout=20)
        unwanted, odd = (
            list(client.submit_many({"query": text, "documents": ["a"]} for _ in range(5)))
            for text in ("unwanted", "odd")
        )
        for job in submitted(client, JOBS):
            assert job.result(timeout=20).attempts == 1
        for job in unwanted:
            with pytest.raises(JobFailed, match="content policy") as caught:
                job.result(timeout=20)
            assert (caught.value.reason, caught.value.attempts) == ("upstream_refused", 1)
        assert not any(job.status().state.ended for job in odd)


def test_a_key_that_is_revoked_amid_a_run_is_parked(redis_url: str, tmp_path: Path) -> None:
    """It is parked after the calls in flight and a few probes, and no job fails."""
    revoked, refused = threading.Event(), itertools.count()

    def answered(request: bytes) -> bytes:
        if revoked.is_set():
            next(refused)
            return answer(401, b'{"error":{"code":"invalid_api_key"}}', JSON)
        return answer(200, ranking(request), JSON)

    with (
        RawServer(serving(answered)) as upstream,
        RunningWorker(redis_url, upstream.url, tmp_path, max_in_flight=10),
        RerankClient(redis_url) as client,
        LedgerDesk(redis_url) as desk,
    ):
        submitted(client, 1)[0].result(timeout=20)
        revoked.set()
        jobs = submitted(client, JOBS)

        def parked() -> bool:
            tripped = desk.run(desk.breakers.tripped()).values()
            return [each.state for each in tripped] == [BreakerState.PARKED]

        eventually(parked, "the key is parked", seconds=20)
        assert next(refused) <= 40
        revoked.clear()
        desk.run(desk.breakers.reset(*desk.run(desk.breakers.tripped())))

        def states() -> Counter[JobState]:
            return Counter(job.status().state for job in jobs)

        # The job whose probe failed waits until other jobs have probed.
        eventually(lambda: states()[JobState.SUCCEEDED] >= JOBS - 1, "they go on", seconds=40)
        assert not states()[JobState.FAILED]


@pytest.mark.parametrize("seconds", [0.1, 3.0])
def test_a_key_that_is_revoked_is_parked_by_several_workers(
    seconds: float, redis_url: str, tmp_path: Path
) -> None:
    """Rankings of calls in flight do not show that a key is good, however long they take."""
    revoked = threading.Event()

    def answered(request: bytes) -> bytes:
        if revoked.is_set():
            return answer(401, b'{"error":{"code":"invalid_api_key"}}', JSON)
        time.sleep(seconds)
        return answer(200, ranking(request), JSON)

    with (
        RawServer(serving(answered)) as upstream,
        RunningWorker(redis_url, upstream.url, tmp_path, max_in_flight=5) as one,
        RunningWorker(redis_url, upstream.url, tmp_path, max_in_flight=5) as other,
        RerankClient(redis_url) as client,
        LedgerDesk(redis_url) as desk,
    ):
        jobs = submitted(client, 60)
        next(iter(client.as_completed(jobs, timeout=30)))
        revoked.set()

        def states() -> list[BreakerState]:
            return [each.state for each in desk.run(desk.breakers.tripped()).values()]

        limit = 10 + 2 * seconds
        eventually(lambda: states() == [BreakerState.PARKED], "it is parked", seconds=limit)
        assert not any(each.status().state is JobState.FAILED for each in jobs)
        assert not any("alone gets no rankings" in each.log() for each in (one, other))
