"""A stand-in upstream that costs very little: HTTP/1.1 keep-alive, on asyncio's own protocols.

    POST /v1/rerank              a ranking whose order follows from the query (see `work.first`)
    POST /begin?latency_ms=100   reset the counts, and set the time that an answer takes
    GET  /counts                 the counts since then

The project's sandbox would cost more CPU than what is measured.
"""

import asyncio
import sys
import time
from functools import cache
from typing import Any, Final

import orjson

from bench.work import first

BACKLOG: Final = 4096
_HEAD_END: Final = b"\r\n\r\n"
_LENGTH: Final = b"content-length:"


class Counts:
    """Counts requests and answers."""

    def __init__(self) -> None:
        self.begin(0.0)

    def begin(self, latency_seconds: float) -> None:
        """Start counting from zero."""
        self.latency = latency_seconds
        self.requests = self.answered = self.most_in_flight = 0
        self.first_at = 0.0

    def arrived(self) -> None:
        """Count a call."""
        self.first_at = self.first_at or time.monotonic()
        self.requests += 1
        self.most_in_flight = max(self.most_in_flight, self.requests - self.answered)

    def as_json(self) -> bytes:
        """For the harness; `first_at` is by a clock that all processes of a machine share."""
        return orjson.dumps(
            {
                "requests": self.requests,
                "answered": self.answered,
                "most_in_flight": self.most_in_flight,
                "first_at": self.first_at,
            }
        )


class Connection(asyncio.Protocol):
    """Reads one request after the other, and answers each after the latency."""

    def __init__(self, counts: Counts) -> None:
        self._counts = counts
        self._loop = asyncio.get_running_loop()
        self._buffer = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport, to which answers are written."""
        self._transport = transport  # type: ignore[assignment]  # a stream's always is one

    def data_received(self, data: bytes) -> None:
        """Serve every complete request."""
        self._buffer += data
        while (end := self._buffer.find(_HEAD_END)) >= 0:
            head = self._buffer[:end]
            begin = end + len(_HEAD_END)
            whole = begin + _content_length(head)
            if len(self._buffer) < whole:
                return
            content, self._buffer = self._buffer[begin:whole], self._buffer[whole:]
            self._serve(head, content)

    def _serve(self, head: bytes, content: bytes) -> None:
        path = head.split(b" ", 2)[1]
        if path == b"/v1/rerank":
            self._counts.arrived()
            # Computed at once, so that this time is part of the latency.
            ranking = _ranking(orjson.loads(content))
            if self._counts.latency:
                self._loop.call_later(self._counts.latency, self._answer, ranking)
            else:
                self._answer(ranking)
        elif path.startswith(b"/begin"):
            self._counts.begin(float(path.partition(b"latency_ms=")[2]) / 1000)
            self._send(b"{}")
        else:
            self._send(self._counts.as_json())

    def _answer(self, ranking: bytes) -> None:
        self._counts.answered += 1
        self._send(ranking)

    def _send(self, content: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
                % (len(content), content)
            )


def _content_length(head: bytes) -> int:
    lower = head.lower()
    at = lower.find(_LENGTH)
    return int(lower[at + len(_LENGTH) :].split(b"\r\n", 1)[0]) if at >= 0 else 0


def _ranking(request: dict[str, Any]) -> bytes:
    documents, query = request["documents"], request["query"]
    count = len(documents)
    start = first(query, count)
    rows = [
        {"index": index, "relevance_score": score, "document": {"text": documents[index]}}
        for score, index in zip(_scores(count), (*range(start, count), *range(start)), strict=True)
    ]
    usage = {"prompt_tokens": 0, "total_tokens": 0}
    return orjson.dumps({"model": request["model"], "results": rows, "usage": usage})


@cache
def _scores(count: int) -> tuple[float, ...]:
    return tuple(round(0.99 - 0.9 * rank / count, 4) for rank in range(count))


async def serve(port: int) -> None:
    """Serve that port of this machine until the process is ended."""
    counts = Counts()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: Connection(counts), "127.0.0.1", port, backlog=BACKLOG
    )
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
