"""rerankq with its asynchronous client, and a worker as `rerankq worker` starts it."""

import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from bench.entry import PATIENCE_SECONDS, Rows, Tool, main
from bench.work import Job
from rerankq import AsyncRerankClient
from rerankq.client import AsyncJobHandle

LANE = os.environ.get("BENCH_LANE", "bulk")
clients: list[AsyncRerankClient] = []


@asynccontextmanager
async def session() -> AsyncIterator[None]:
    """A client that is open; settings come from the environment."""
    async with AsyncRerankClient() as client:
        clients.append(client)
        yield


async def enqueue(work: Sequence[Job]) -> list[str]:
    """`submit_many`: a stream, validated and recorded."""
    drafts = ({"query": job.query, "documents": job.documents} for job in work)
    return [handle.id async for handle in clients[0].submit_many(drafts)]


async def ask(job: Job) -> Rows:
    """Submit and wait."""
    handle = await clients[0].submit(query=job.query, documents=job.documents, lane="interactive")
    return await _rows(handle)


async def fetch(job_id: str) -> Rows:
    """Read a result."""
    return await _rows(await clients[0].get(job_id))


async def _rows(handle: AsyncJobHandle) -> Rows:
    found = await handle.result(PATIENCE_SECONDS)
    return found.model_dump()["results"]  # type: ignore[no-any-return]


if __name__ == "__main__":
    command = [sys.executable, "-m", "rerankq.cli", "worker", "--lane", LANE]
    main(Tool(command, enqueue, ask, fetch, session))
