"""dramatiq, batched by hand: 50 jobs a message, awaited together, one result a message.

The results of a message are one value with 50 parts, and come when its slowest job has ended. It
has no leases, no limits and no checks.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

import dramatiq

from bench.entry import IN_FLIGHT, PATIENCE_SECONDS, Rows, Tool, beside_python, main
from bench.peers.dramatiq_one import backend, call
from bench.work import Job

JOBS = 50


@dramatiq.actor(actor_name="rerank_many")
async def rerank_many(batch: list[Job]) -> list[dict[str, Any]]:
    """The task."""
    return await asyncio.gather(*(call(query, documents) for query, documents in batch))


def enqueue(work: Sequence[Job]) -> list[str]:
    """One `send` for 50 jobs; a job's id is its message and its place in it."""
    ids = []
    for at in range(0, len(work), JOBS):
        batch = work[at : at + JOBS]
        message = rerank_many.send(batch)
        ids += [f"{message.message_id}/{place}" for place in range(len(batch))]
    return ids


def ask(job: Job) -> Rows:
    """Submit a batch of one and wait."""
    message = rerank_many.send([job])
    return message.get_result(block=True, timeout=PATIENCE_SECONDS * 1000)[0]["results"]  # type: ignore[no-any-return]


def fetch(job_id: str) -> Rows:
    """Read a result."""
    message_id, _, place = job_id.partition("/")
    message = rerank_many.message([]).copy(message_id=message_id)
    return message.get_result(backend=backend, block=False)[int(place)]["results"]  # type: ignore[no-any-return]


if __name__ == "__main__":
    command = [
        *(beside_python("dramatiq"), "bench.peers.dramatiq_batched"),
        *("--processes", "1", "--threads", str(max(2, IN_FLIGHT // JOBS))),
    ]
    main(Tool(command, enqueue, ask, fetch))
