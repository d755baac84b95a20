"""rerankq with its blocking client."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from bench.entry import PATIENCE_SECONDS, Rows, Tool, main
from bench.work import Job
from rerankq import RerankClient
from rerankq.client import JobHandle

clients: list[RerankClient] = []


@asynccontextmanager
async def session() -> AsyncIterator[None]:
    """A client that is open; settings come from the environment."""
    with RerankClient() as client:
        clients.append(client)
        yield


def enqueue(work: Sequence[Job]) -> list[str]:
    """`submit_many`: a stream, validated and recorded."""
    drafts = ({"query": job.query, "documents": job.documents} for job in work)
    return [handle.id for handle in clients[0].submit_many(drafts)]


def ask(job: Job) -> Rows:
    """Submit and wait."""
    return _rows(clients[0].submit(query=job.query, documents=job.documents, lane="interactive"))


def fetch(job_id: str) -> Rows:
    """Read a result."""
    return _rows(clients[0].get(job_id))


def _rows(handle: JobHandle) -> Rows:
    return handle.result(PATIENCE_SECONDS).model_dump()["results"]  # type: ignore[no-any-return]


if __name__ == "__main__":
    main(Tool([], enqueue, ask, fetch, session))
