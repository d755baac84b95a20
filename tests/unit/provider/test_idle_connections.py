"""Which connections rest, how long, and how many, with a clock that the tests set."""

import asyncio
import heapq
from collections.abc import Callable

import pytest

from rerankq_worker.provider.connection import Connection
from rerankq_worker.provider.idle_connections import DISTRUST_SECONDS, MOST_IDLE, IdleConnections

COUNTED = 7
"""Connections are counted at every so many calls, because counting takes long."""


class Kept(Connection):
    """A connection with good answers, on which nothing else comes."""

    def __init__(self, now: float) -> None:
        super().__init__(lambda: None)
        self.uses, self.asked_at, self.ended = 1, now, False

    @property
    def is_clean(self) -> bool:
        """Always."""
        return True

    @property
    def is_silent(self) -> bool:
        """Always."""
        return True

    @property
    def is_used_again(self) -> bool:
        """Whether it was used before."""
        return self.uses > 1

    def abort(self) -> None:
        """Record it."""
        self.ended = True


class Calls:
    """Calls of one endpoint, as they begin and end."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.idle = IdleConnections("here")
        self.made: list[Kept] = []
        self.rests: list[float] = []

    def begin(self) -> Kept:
        """Begin a call, on a kept connection if there is one."""
        kept = self.idle.take()
        if kept is None:
            self.made.append(Kept(self.now))
            return self.made[-1]
        assert isinstance(kept, Kept)
        self.rests.append(self.now - kept.idle_since)
        kept.asked_at, kept.uses = self.now, kept.uses + 1
        return kept

    def at(self, rate: float, seconds: float, answers_after: Callable[[int], float]) -> int:
        """Make calls at a steady rate; returns the most connections open at a time."""
        under_way: list[tuple[float, int, Kept]] = []
        began, most = self.now, 0
        for number in range(int(rate * seconds)):
            begins = began + number / rate
            while under_way and under_way[0][0] <= begins:
                self.now, _, connection = heapq.heappop(under_way)
                self.idle.put(connection)
            self.now = begins
            ends = begins + answers_after(number)
            heapq.heappush(under_way, (ends, number, self.begin()))
            if number % COUNTED == 0:
                self.made = [each for each in self.made if not each.ended]
                most = max(most, len(self.made))
        return most


def by_clock(test: Callable[[Calls], None]) -> None:
    async def body() -> None:
        calls = Calls()
        asyncio.get_running_loop().time = lambda: calls.now  # type: ignore[method-assign]
        test(calls)

    asyncio.run(body())


@pytest.mark.parametrize(
    ("rate", "latency", "rest", "connections"),
    [
        (2_000, 0.1, 0.15, 510),
        (2_000, 0.001, 0.15, 310),
        (30, 2.0, 3.0, 155),
        (30, 0.05, 1.0, 35),
        (600, 1.0, 1.5, 610 + MOST_IDLE),
        (20, 25.0, 30.0, 510 + MOST_IDLE),
    ],
)
def test_a_rest_as_long_as_answers_take_and_connections_are_bounded(
    rate: int, latency: float, rest: float, connections: int
) -> None:
    """A connection rests 1.5 times as long as an answer takes, and 0.15 s at least."""

    def test(calls: Calls) -> None:
        assert calls.at(rate, 5 + 3 * latency, lambda _: latency) <= connections
        assert min(calls.rests, default=rest) >= rest - 1e-6

    by_clock(test)


def test_while_few_rest_the_slowest_answer_decides() -> None:
    """If one answer in thirty takes 2 s, no connection carries a call within 2 s of an answer."""

    def test(calls: Calls) -> None:
        for _ in range(2):
            # The first time, no slow answer has come yet.
            calls.rests.clear()
            calls.at(30, 8, lambda number: 0.01 if number % 30 else 2.0)
        assert min(calls.rests) >= 2.0

    by_clock(test)


def test_a_short_answer_does_not_shorten_the_rest() -> None:
    """After a long and a short answer a connection rests long: the short one may be another's."""

    def test(calls: Calls) -> None:
        connections = [calls.begin() for _ in range(200)]
        calls.now += 1.0
        for each in connections:
            calls.idle.put(each)
        calls.now += 2.0
        again = calls.begin()
        assert again in connections
        calls.now += 0.001
        calls.idle.put(again)
        calls.now += 1.4
        assert calls.begin() is not again

    by_clock(test)


def test_after_an_answer_too_many_no_connection_is_used_again() -> None:
    """After an answer too many each call has a connection of its own, for ten minutes."""

    def test(calls: Calls) -> None:
        calls.at(50, 5, lambda _: 0.05)
        assert calls.rests
        calls.idle.distrust()
        calls.rests.clear()
        calls.at(10, DISTRUST_SECONDS - 1, lambda _: 0.05)
        assert not calls.rests

    by_clock(test)
