"""One job of very many documents, divided into calls: how long it takes, and whether it is exact.

PYTHONPATH=ops python -m bench.large_job --documents 10000 --call 500 --concurrency 4

It has its own Redis, stand-in and worker. The ideal is the number of calls, divided by how many may
be in flight, times the latency of a call. The same job is then ranked in one call, by a worker
without these limits, and both rankings are compared row by row.
"""

import argparse
import math
import random
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from bench.stand import PATIENCE_SECONDS, Stand, stand
from rerankq import RerankClient
from rerankq.contract import RerankResult
from rerankq.embedded import embedded_redis

WORDS: Final = [
    "红山",
    "绿水",
    "蓝天",
    "春风",
    "秋雨",
    "冬雪",
    "东海",
    "red",
    "green",
    "blue",
    "hill",
]


def _documents(count: int) -> list[str]:
    chance = random.Random(1)  # noqa: S311  not a secret
    return [f"{number} {' '.join(chance.choices(WORDS, k=40))}" for number in range(count)]


def _ranked(place: Stand, documents: list[str], **settings: str) -> tuple[RerankResult, int, float]:
    """The result, the calls made for it, and the seconds from its submission to its end."""
    began = len(place.log())
    with place.worker(**settings), RerankClient(place.redis_url) as client:
        # Connections and permits are there when the job comes, as in a worker that has work.
        client.submit(query="warm", documents=["up"]).result(timeout=PATIENCE_SECONDS)
        job = client.submit(query="blue hill 冬雪", documents=documents, return_documents=False)
        sent_at = time.monotonic()
        result = job.result(timeout=PATIENCE_SECONDS)
        seconds = time.monotonic() - sent_at
    return result, len(place.log()) - began - 1, seconds


def _measure(asked: argparse.Namespace) -> bool:
    documents = _documents(asked.documents)
    with ExitStack() as opened:
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="rerankq-bench-")))
        server = opened.enter_context(embedded_redis(folder))
        place = opened.enter_context(stand(server.url, folder, latency_ms=asked.latency_ms))
        # Both limits are set: else the workers would find them out, which is not measured here.
        limits = {"concurrency": str(asked.concurrency), "rpm": "60000"}
        divided, calls, seconds = _ranked(
            place, documents, call_documents=str(asked.call), **limits
        )
        whole, _, whole_seconds = _ranked(place, documents, **limits)
    rows = [(row.index, row.relevance_score) for row in divided.results]
    same = rows == [(row.index, row.relevance_score) for row in whole.results]
    ideal = math.ceil(calls / asked.concurrency) * asked.latency_ms / 1000
    sys.stdout.write(
        f"{asked.documents:,} documents in {calls} calls, {asked.concurrency} at once: "
        f"{seconds:.2f} s, {seconds / ideal:.2f} times the ideal of {ideal:.2f} s\n"
        f"in one call: {whole_seconds:.2f} s; the rankings are {'equal' if same else 'DIFFERENT'}\n"
    )
    return same and seconds <= asked.most * ideal


def main() -> None:
    """Run what the command line asks for; the exit code is 1 when it is not exact, or too slow."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=10_000)
    parser.add_argument("--call", type=int, default=500, help="documents of a call")
    parser.add_argument("--concurrency", type=int, default=4)
    parser.add_argument("--latency-ms", type=float, default=500.0)
    parser.add_argument("--most", type=float, default=1.2, help="times the ideal")
    sys.exit(0 if _measure(parser.parse_args()) else 1)


if __name__ == "__main__":
    main()
