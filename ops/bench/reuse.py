"""What score reuse saves and costs.

PYTHONPATH=ops python -m bench.reuse            all three, a few minutes
PYTHONPATH=ops python -m bench.reuse sent       documents sent of a workload with repeats
PYTHONPATH=ops python -m bench.reuse memory     Redis' memory of a million pairs
PYTHONPATH=ops python -m bench.reuse cpu        a worker's CPU where nothing repeats, on and off

`sent` has 60 % of pairs repeated, in random order, all jobs in one batch. Everything runs in
processes of its own, with the project's sandbox as the upstream where scores must be real.
"""

import argparse
import asyncio
import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from hashlib import blake2b
from pathlib import Path
from statistics import median
from typing import Any, Final

from redis import Redis

from bench.arena import Arena, free_port
from bench.load import Load
from bench.measures import enqueue_and_drain
from bench.roster import OURS, present
from rerankq import RerankClient
from rerankq.embedded import embedded_redis
from rerankq.score_cache.cache import MOST_AT_ONCE, CacheLimits, ScoreCache
from rerankq.score_cache.stored_score import entries
from rerankq.store.store import Store

QUERIES: Final = 400
DOCUMENTS: Final = 10
JOBS_A_QUERY: Final = 5
"""Of 50 pairs of a query, 20 are different: 60 % are repeats."""
MEMORY_BYTES: Final = 128 * 1024 * 1024
SOURCE: Final = "0" * 16
WITH_REUSE: Final = "rerankq, scores reused"


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _work() -> list[dict[str, Any]]:
    chance, jobs = random.Random(7), []  # noqa: S311  the same jobs in every run
    for query in range(QUERIES):
        pool = [f"paragraph {each} about matter {query}" for each in range(2 * DOCUMENTS)]
        picks = [*pool[:DOCUMENTS], *pool[DOCUMENTS:]]
        for _ in range(JOBS_A_QUERY - 2):
            picks += chance.sample(pool, DOCUMENTS)
        for at in range(0, len(picks), DOCUMENTS):
            documents = picks[at : at + DOCUMENTS]
            jobs.append({"query": f"what is known about {query}", "documents": documents})
    chance.shuffle(jobs)
    return jobs


@contextmanager
def _process(*arguments: str, **settings: str) -> Iterator[None]:
    process = subprocess.Popen(
        [sys.executable, "-m", "rerankq.cli", *arguments],
        env=os.environ | settings,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait(60)


def _sent_documents(reuse: str, workers: int) -> int:
    """How many documents the upstream got of all jobs."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rerankq-reuse-")))
        redis = stack.enter_context(embedded_redis(folder))
        base, log = f"http://127.0.0.1:{(port := free_port())}", folder / "calls.jsonl"
        sandbox = ("sandbox", "--port", str(port), "--scorer", "hash", "--latency-ms", "100")
        stack.enter_context(_process(*sandbox, "--log", str(log)))
        settings = {
            "RERANKQ_REDIS_URL": redis.url,
            "RERANKQ_UPSTREAM_URL": f"{base}/v1/rerank",
            "DMXAPI_API_KEY": "sk-bench",
            "RERANKQ_SCORE_CHECK_SECONDS": "0",
            "RERANKQ_REUSE": reuse,
        }
        for _ in range(workers):
            stack.enter_context(_process("worker", "--lane", "bulk", **settings))
        with RerankClient(redis_url=redis.url) as client:
            for handle in list(client.submit_many(_work())):
                handle.result(timeout=600)
        calls = [json.loads(line) for line in log.read_text("utf-8").splitlines()]
        return sum(each["documents"] for each in calls if each["event"] == "answered")


def sent() -> None:
    """Documents sent of a workload with 60 % repeated pairs, by one worker and by two."""
    pairs = QUERIES * JOBS_A_QUERY * DOCUMENTS
    for workers in (1, 2):
        off, on = _sent_documents("off", workers), _sent_documents("24h", workers)
        fewer = 100 * (off - on) / off
        _say(
            f"{workers} worker(s), {pairs:,} pairs, 60 % repeated: {off:,} documents sent without "
            f"reuse, {on:,} with, {fewer:.1f} % fewer"
        )


def memory(pairs: int) -> None:
    """Redis' memory of so many pairs, with the default bound."""
    with embedded_redis() as server, Redis.from_url(server.url) as redis:
        asyncio.run(_store(server.url, 0))
        before = int(redis.info("memory")["used_memory"])
        asyncio.run(_store(server.url, pairs))
        used = int(redis.info("memory")["used_memory"]) - before
    _say(f"{pairs:,} pairs: {used / pairs:.1f} bytes of Redis a pair")


async def _store(url: str, pairs: int) -> None:
    async with Store(url) as store:
        cache = ScoreCache(store, CacheLimits(86_400.0, MEMORY_BYTES))
        await cache.keep([])
        epoch = (await cache.find([SOURCE], b"")).epochs[0]
        for first in range(0, pairs, MOST_AT_ONCE):
            numbers = range(first, min(pairs, first + MOST_AT_ONCE))
            keys = (blake2b(str(each).encode(), digest_size=12).digest() for each in numbers)
            await cache.keep(entries({key: at / 7 for at, key in enumerate(keys)}, epoch))


def cpu(jobs: int, rounds: int) -> None:
    """A worker's CPU a job, with reuse and without, when no pair repeats; runs take turns."""
    off, on = (
        next(each for each in present(None) if each.name == name) for name in (OURS, WITH_REUSE)
    )
    load, ratios = Load(jobs, "100 ms"), []
    with Arena(None) as arena:
        for _ in range(rounds):
            took = []
            for entry in (off, on):
                arena.begin(load)
                took.append(enqueue_and_drain(arena, entry)["worker_us"])
            ratios.append(took[1] / took[0])
            _say(f"without reuse {took[0]:.0f} us a job, with {took[1]:.0f}: {ratios[-1]:.3f}")
    _say(f"median of {rounds}: {median(ratios):.3f} times the CPU")


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m bench.reuse", description=__doc__)
    parser.add_argument("part", nargs="?", choices=("sent", "memory", "cpu"))
    parser.add_argument("--pairs", type=int, default=1_000_000, help="of memory")
    parser.add_argument("--jobs", type=int, default=5_000, help="of cpu")
    parser.add_argument("--rounds", type=int, default=5, help="of cpu")
    arguments = parser.parse_args()
    part = arguments.part
    if part in (None, "sent"):
        sent()
    if part in (None, "memory"):
        memory(arguments.pairs)
    if part in (None, "cpu"):
        cpu(arguments.jobs, arguments.rounds)


if __name__ == "__main__":
    main()
