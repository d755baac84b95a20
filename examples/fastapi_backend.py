"""A backend with FastAPI: finds documents, and lets rerankq put the best first.

Run it: uvicorn fastapi_backend:app
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request

from rerankq import AsyncRerankClient, errors

SHELF = [
    "Red wine goes with cheese.",
    "Washing hands helps to prevent a cold.",
    "Cold water gets a coffee stain out of a shirt.",
]
PATIENCE_SECONDS = 10.0


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Open one client for all requests of this process."""
    async with AsyncRerankClient() as client:
        app.state.rerank = client
        yield


app = FastAPI(lifespan=lifespan)


@app.get("/search")
async def search(q: str, request: Request) -> dict[str, list[str]]:
    """The hits, the best first; in the order in which they were found when no ranking comes."""
    client: AsyncRerankClient = request.app.state.rerank
    try:
        ranking = await client.rerank(
            query=q,
            documents=SHELF,
            timeout=PATIENCE_SECONDS,
            # Nobody reads it any more afterwards: then the call need not be paid for.
            deadline_seconds=PATIENCE_SECONDS,
        )
    except errors.RerankqError:
        return {"hits": SHELF}
    return {"hits": [SHELF[each.index] for each in ranking.results]}
