"""How every asyncio peer calls the upstream: by the fastest transport that httpx has."""

from typing import Any

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport

from bench.entry import IN_FLIGHT, UPSTREAM_URL
from bench.work import Job, body, result

CALL_SECONDS = 60.0


def client() -> httpx.AsyncClient:
    """An httpx client over aiohttp; create it on the loop that uses it."""
    session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=IN_FLIGHT))
    return httpx.AsyncClient(
        transport=AiohttpTransport(client=session), timeout=CALL_SECONDS, trust_env=False
    )


class Caller:
    """Ranks one job after the other, or many at once, with one client."""

    def __init__(self) -> None:
        self._client: httpx.AsyncClient | None = None

    async def __call__(self, query: str, documents: list[str]) -> dict[str, Any]:
        """The result of one job."""
        if self._client is None:
            self._client = client()
        response = await self._client.post(UPSTREAM_URL, json=body(Job(query, documents)))
        response.raise_for_status()
        return result(response.json())
