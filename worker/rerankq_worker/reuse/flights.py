"""Calls of this worker under way, by the pairs that they ask for: equal pairs are asked for once.

A job that needs pairs of another job's call waits for that call, before it makes its own. It waits
while it has announced nothing itself, so two jobs never wait for each other.
"""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Final

JOIN_SECONDS: Final = 10.0
"""How long a job waits for calls of others; then it asks for all that it needs itself."""
REMEMBERED_SECONDS: Final = 2.0
"""How long the scores of a call are kept here: Redis has them by then."""


class Flight:
    """The pairs that one job asks for.

    Attributes:
        scores: of those that were answered, as the site gave them.
        ended: done when there will be no more scores.
    """

    __slots__ = ("ended", "keys", "scores")

    def __init__(self, keys: list[bytes]) -> None:
        self.keys = keys
        self.scores: Mapping[bytes, float] = {}
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()


class Flights:
    """The calls of one worker. All calls belong to one event loop."""

    def __init__(self) -> None:
        self._flights: dict[bytes, Flight] = {}

    async def joined(self, keys: Iterable[bytes]) -> dict[bytes, float]:
        """The scores of pairs that other jobs have asked for lately, or are asking for.

        Args:
            keys: of pairs that are not known otherwise.
        """
        loop, scores = asyncio.get_running_loop(), dict[bytes, float]()
        until, missing = loop.time() + JOIN_SECONDS, set(keys)
        while missing and self._flights:
            met = {flight for key in missing if (flight := self._flights.get(key))}
            for flight in met:
                if flight.ended.done():
                    scores |= {key: flight.scores[key] for key in missing & flight.scores.keys()}
            missing -= scores.keys()
            under_way = {flight.ended for flight in met if not flight.ended.done()}
            if not under_way or loop.time() >= until:
                break
            await asyncio.wait(under_way, timeout=until - loop.time())
        return scores

    def begin(self, keys: list[bytes]) -> Flight:
        """Announce that a job asks for these pairs. It must `end`, whatever happens."""
        flight = Flight(keys)
        self._flights |= dict.fromkeys(keys, flight)
        return flight

    def end(self, flight: Flight, scores: Mapping[bytes, float]) -> None:
        """The job has its scores, or none: those that wait for it go on."""
        flight.scores = scores
        flight.ended.set_result(None)
        if scores:
            asyncio.get_running_loop().call_later(REMEMBERED_SECONDS, self._forget, flight)
        else:
            self._forget(flight)

    def _forget(self, flight: Flight) -> None:
        for key in flight.keys:
            if self._flights.get(key) is flight:
                del self._flights[key]
