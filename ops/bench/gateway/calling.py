"""Rerank calls one by one and many at once, as a caller of a synchronous gateway makes them."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import aiohttp
import orjson

DOCUMENTS: Final = [
    f"document {n}: " + "words of a passage that could answer the question. " * 4 for n in range(10)
]


@dataclass(frozen=True, slots=True)
class Target:
    """Where calls go.

    Attributes:
        name: in the table.
        url: of its rerank route.
        headers: of each call.
    """

    name: str
    url: str
    headers: tuple[tuple[str, str], ...]


class Caller:
    """Calls a target, and checks each answer."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def one_by_one(self, target: Target, count: int) -> list[float]:
        """Seconds of each call, one after the other."""
        return [await self._call(target, n) for n in range(count)]

    async def at_once(self, target: Target, count: int, width: int) -> tuple[list[float], float]:
        """Seconds of each call, `width` at a time, and of all together."""
        took: list[float] = []
        numbers = iter(range(count))

        async def one_after_the_other() -> None:
            for n in numbers:
                took.append(await self._call(target, n))  # noqa: PERF401  several of these fill it

        begun = time.perf_counter()
        await asyncio.gather(*(one_after_the_other() for _ in range(width)))
        return took, time.perf_counter() - begun

    async def _call(self, target: Target, n: int) -> float:
        query = f"question {n} {time.time_ns()}"
        body = orjson.dumps({"model": "qwen3-reranker-8b", "query": query, "documents": DOCUMENTS})
        begun = time.perf_counter()
        async with self._session.post(
            target.url, data=body, headers=dict(target.headers)
        ) as answer:
            content = await answer.read()
            took = time.perf_counter() - begun
        rows = orjson.loads(content).get("results") if answer.status == 200 else None  # noqa: PLR2004  OK
        if not rows or len(rows) != len(DOCUMENTS):
            raise RuntimeError(f"{target.name} answered {answer.status}: {content[:200]!r}")
        return took


def quantile_ms(seconds: Sequence[float], share: float) -> float:
    """The value that this share of the calls does not exceed, in ms."""
    return sorted(seconds)[min(len(seconds) - 1, int(share * len(seconds)))] * 1000
