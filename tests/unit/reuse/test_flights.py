"""Equal pairs of jobs under way in a worker are asked for once, and nobody waits in vain."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest

from rerankq_worker.reuse import flights
from rerankq_worker.reuse.flights import Flights

T = TypeVar("T")
A, B = b"a", b"b"


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    async def timed() -> T:
        async with asyncio.timeout(10):
            return await coroutine

    return asyncio.run(timed())


def test_a_job_gets_the_scores_of_the_call_that_it_waits_for() -> None:
    """Those that the call brought; it asks for the others itself."""

    async def play() -> dict[bytes, float]:
        some = Flights()
        flight = some.begin([A])
        waits = asyncio.create_task(some.joined([A, B]))
        await asyncio.sleep(0)
        assert not waits.done()
        some.end(flight, {A: 0.5})
        return await waits | await some.joined([A])

    assert run(play()) == {A: 0.5}


def test_after_a_failure_one_of_those_that_wait_asks() -> None:
    """The others wait for that one: a failed call does not become as many calls as jobs wait."""

    async def play() -> tuple[int, list[float]]:
        some, asked = Flights(), 0
        flight = some.begin([A])

        async def job() -> float:
            nonlocal asked
            if A in (found := await some.joined([A])):
                return found[A]
            own = some.begin([A])
            asked += 1
            await asyncio.sleep(0)
            some.end(own, {A: 0.25})
            return 0.25

        waits = [asyncio.create_task(job()) for _ in range(5)]
        await asyncio.sleep(0)
        some.end(flight, {})
        scores = await asyncio.gather(*waits)
        return asked, scores

    assert run(play()) == (1, [0.25] * 5)


def test_a_wait_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """A job whose pair another asks for too long asks for it itself."""
    monkeypatch.setattr(flights, "JOIN_SECONDS", 0.01)

    async def play() -> dict[bytes, float]:
        some = Flights()
        some.begin([A])
        return await some.joined([A])

    assert run(play()) == {}


def test_scores_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a while Redis has them, and the worker keeps them no more."""
    monkeypatch.setattr(flights, "REMEMBERED_SECONDS", 0.0)

    async def play() -> dict[bytes, float]:
        some = Flights()
        some.end(some.begin([A]), {A: 0.5})
        while await some.joined([A]):  # noqa: ASYNC110  nobody is told
            await asyncio.sleep(0)
        return await some.joined([A])

    assert run(play()) == {}
