"""One job of very many documents, divided into calls: how long it takes, and whether it is exact.

PYTHONPATH=ops python -m bench.large_job --documents 10000 --call 500 --concurrency 4

It has its own Redis, stand-in and worker. The ideal is the number of calls, divided by how many may
be in flight, times the latency of a call. The same job is then ranked in one call, by a worker
without these limits, and both rankings are compared row by row.
"""

import argparse
import math
import os
import random
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import requests

from bench.arena import free_port
from bench.processes import Running
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
PATIENCE_SECONDS: Final = 300.0
POLL_SECONDS: Final = 0.05


def _documents(count: int) -> list[str]:
    chance = random.Random(1)  # noqa: S311  not a secret
    return [f"{number} {' '.join(chance.choices(WORDS, k=40))}" for number in range(count)]


@contextmanager
def _running(name: str, folder: Path, *words: str, **settings: str) -> Iterator[None]:
    environment = {
        "DMXAPI_API_KEY": "sk-bench",
        "RERANKQ_SCORE_CHECK_SECONDS": "0",
        **{f"RERANKQ_{name.upper()}": value for name, value in settings.items()},
    }
    command = [sys.executable, "-m", "rerankq.cli", *words]
    log = (folder / f"{name}.log").open("ab")
    with log, Running(command, os.environ | environment, folder, log):
        yield


def _answers(url: str) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        try:
            requests.get(url, timeout=1).raise_for_status()
        except requests.RequestException:
            time.sleep(POLL_SECONDS)
        else:
            return
    raise SystemExit(f"{url} does not answer")


class Bench:
    """Ranks one job with different settings of the worker.

    Args:
        redis_url: the ledger.
        folder: for logs.
        latency_ms: of the stand-in.
    """

    def __init__(self, redis_url: str, folder: Path, latency_ms: float, opened: ExitStack) -> None:
        self._redis_url = redis_url
        self._folder = folder
        port = free_port()
        self._base = f"http://127.0.0.1:{port}"
        arguments = ["sandbox", "--port", str(port), "--latency-ms", f"{latency_ms:g}"]
        opened.enter_context(_running("sandbox", folder, *arguments))
        _answers(f"{self._base}/_sandbox/stats")

    def ranked(self, documents: list[str], **settings: str) -> tuple[RerankResult, int, float]:
        """The result, the calls made for it, and the seconds from first arrival to last answer."""
        health = free_port()
        upstream = f"{self._base}/v1/rerank"
        began = len(self._log())
        with (
            _running(
                "worker",
                self._folder,
                *("worker", "--lane", "bulk"),
                redis_url=self._redis_url,
                upstream_url=upstream,
                health_port=str(health),
                **settings,
            ),
            RerankClient(self._redis_url) as client,
        ):
            _answers(f"http://127.0.0.1:{health}/ready")
            # Connections and permits are there when the job comes, as in a worker that has work.
            client.submit(query="warm", documents=["up"]).result(timeout=PATIENCE_SECONDS)
            job = client.submit(query="blue hill 冬雪", documents=documents, return_documents=False)
            sent_at = time.monotonic()
            result = job.result(timeout=PATIENCE_SECONDS)
            seconds = time.monotonic() - sent_at
        return result, len(self._log()) - began - 1, seconds

    def _log(self) -> list[Mapping[str, object]]:
        answer = requests.get(f"{self._base}/_sandbox/log?since=0", timeout=30)
        entries: list[Mapping[str, object]] = answer.json()["entries"]
        return entries


def _measure(asked: argparse.Namespace) -> bool:
    documents = _documents(asked.documents)
    with ExitStack() as opened:
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="rerankq-bench-")))
        server = opened.enter_context(embedded_redis(folder))
        bench = Bench(server.url, folder, asked.latency_ms, opened)
        # Both limits are set: else the workers would find them out, which is not measured here.
        limits = {"concurrency": str(asked.concurrency), "rpm": "60000"}
        divided, calls, seconds = bench.ranked(documents, call_documents=str(asked.call), **limits)
        whole, _, whole_seconds = bench.ranked(documents, **limits)
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
