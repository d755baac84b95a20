"""What the ledger's calls cost over a job's life: CPU of Redis and caller, bytes of Redis' file.

PYTHONPATH=ops python -m bench.life --jobs 5000 --shape 10x200 [--callbacks 1]

Each job is submitted, claimed, renewed once and finished, a hundred a call, and packed into the
history, in a Redis of its own with an append-only file. There is no worker and no upstream.
With callbacks, each job names so many Celery tasks, whose deliveries are taken and noted too.
Figures are µs a job.
"""

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, TypeVar

import orjson
from redis import Redis

from bench import work
from rerankq.contract import Callback, Job, JobState, RerankRequest, TryOutcome
from rerankq.embedded import embedded_redis
from rerankq.history.packing import Packing
from rerankq.history.rows import call_text
from rerankq.ledger import outcomes
from rerankq.ledger.intake import CALL_JOBS, Intake
from rerankq.ledger.leases import Finish, Leases
from rerankq.ledger.outbox import Kind, Outbox, Verdict
from rerankq.store.store import Retention, Store

T = TypeVar("T")
R = TypeVar("R")

DAY: Final = 86_400.0
LEASE_SECONDS: Final = 600.0
MOST_BYTES: Final = 1 << 30
TAKEN: Final = 20
"""So many deliveries a worker takes at once."""
_USED: Final = ("used_cpu_sys", "used_cpu_user")


class Meter:
    """Measures what calls cost, by two readings each."""

    def __init__(self, redis: "Redis", jobs: int) -> None:
        self._redis = redis
        self._jobs = jobs
        self._sum = [0.0, 0.0, 0.0]

    async def measure(
        self, name: str, portions: Sequence[T], call: Callable[[T], Awaitable[R]]
    ) -> list[R]:
        """Make the calls, one after the other, and print what they cost."""
        before = self._look()
        answers = [await call(portion) for portion in portions]
        cost = [now - then for now, then in zip(self._look(), before, strict=True)]
        self._sum = [total + each for total, each in zip(self._sum, cost, strict=True)]
        self._print(name, cost)
        return answers

    def total(self) -> None:
        """Print the sum."""
        self._print("all", self._sum)

    def _print(self, name: str, cost: Sequence[float]) -> None:
        redis, caller, file = (each / self._jobs for each in cost)
        sys.stdout.write(
            f"{name:8}{redis * 1e6:8.1f} Redis{caller * 1e6:8.1f} caller{file:8.0f} bytes of AOF\n"
        )

    def _look(self) -> tuple[float, float, float]:
        caller = time.process_time()
        info: dict[str, Any] = self._redis.info()
        redis = sum(float(info[name]) for name in _USED)
        return redis, caller, float(info["aof_current_size"])


async def _live(url: str, jobs: int, callbacks: int) -> None:
    texts = work.jobs(jobs)
    told = tuple(Callback(task=f"shop.task{each}") for each in range(callbacks)) or None
    made = [
        Job(
            request=RerankRequest.parse({"query": each.query, "documents": each.documents}),
            callbacks=told,
        )
        for each in texts
    ]
    with Redis.from_url(url) as redis:
        redis.config_set("auto-aof-rewrite-percentage", 0)
        async with Store(url) as store:
            intake = Intake(store, max_queue_depth=jobs + CALL_JOBS)
            leases = Leases(store, Retention(DAY, DAY), worker="w", lease_seconds=LEASE_SECONDS)
            meter = Meter(redis, jobs)
            portions = [made[at : at + CALL_JOBS] for at in range(0, jobs, CALL_JOBS)]
            await meter.measure("submit", portions, intake.submit)
            named = [[job.id for job in portion] for portion in portions]
            claims = await meter.measure("claim", named, leases.claim)
            held = [claim.leases for claim in claims]
            await meter.measure("renew", held, leases.renew)
            ends = [
                [
                    Finish(
                        *(lease, 1, JobState.SUCCEEDED, outcomes.success(_result(job))),
                        call=call_text(0.1, 250, 200, f"req-{job.id}"),
                    )
                    for lease, job in zip(*each, strict=True)
                ]
                for each in zip(held, portions, strict=True)
            ]
            await meter.measure("finish", ends, leases.finish)
            if callbacks:
                outbox = Outbox(store)
                await meter.measure("deliver", [None], lambda _: _delivered(outbox))
            packing = Packing(store, ttl_seconds=DAY, most_bytes=MOST_BYTES)
            await meter.measure("history", [None], lambda _: packing.tick())
            meter.total()


async def _delivered(outbox: Outbox) -> None:
    """Take all deliveries and note each, as workers do, but send nothing."""
    sent = Verdict(TryOutcome.DELIVERED)
    while taken := await outbox.take(Kind.CELERY, TAKEN, at_once=TAKEN, lease_seconds=60):
        for delivery in taken:
            await outbox.done(delivery, sent)


def _result(job: Job) -> bytes:
    """A ranking with its documents, as a worker would write it."""
    rows = [
        {"index": at, "relevance_score": 0.987654321 - at / 1e6, "document": {"text": str(each)}}
        for at, each in enumerate(job.request.documents)
    ]
    timings = {"waited_seconds": 1.25, "upstream_seconds": 0.1}
    fields = {"version": "1.0", "job_id": job.id, "model": job.request.model, "results": rows}
    return orjson.dumps(fields | {"attempts": 1, "timings": timings})


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=5000)
    parser.add_argument("--shape", default="10x200", help="or a JSONL file of real jobs")
    parser.add_argument("--callbacks", type=int, default=0, help="Celery tasks that each job names")
    arguments = parser.parse_args()
    os.environ[work.SHAPE] = arguments.shape
    with embedded_redis() as server:
        asyncio.run(_live(server.url, arguments.jobs, arguments.callbacks))


if __name__ == "__main__":
    main()
