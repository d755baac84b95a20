"""The connections that no call uses at the moment, and when one may be used again.

HTTP/1.1 does not say which request an answer belongs to: only its place in the line does. An
upstream, or a gateway before it, that sends one answer too many puts all that follow off by one,
and each job gets the ranking of another. So a connection is used again only when its last answer
was a ranking, whole and clean, and it has been silent for a while since: a second answer that comes
within that while meets no call, and ends the connection.

A second answer is most often a call that the gateway made twice, so it comes about as long after
the first as an answer takes. How long a connection rests follows from that (see `Rest`). What comes
later than that can meet the next call, unless its rows carry documents; nothing in HTTP/1.1 shows
it. A connection of its own for each call would leave no such case, but takes a third of the CPU of
a whole job, and with TLS three times as much as one.

An upstream that was caught at it is not trusted with a second request on any connection for a
while: it may come later the next time. Calls that are under way then on a connection that had
carried others are not trusted either.
"""

import asyncio
import logging
from bisect import bisect_right, insort
from dataclasses import dataclass
from operator import attrgetter
from typing import Final

from rerankq_worker.provider.connection import Connection

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Rest:
    """How long a connection is silent before it is used again, in seconds.

    Attributes:
        least: always.
        to_answer: always as well, in multiples of the longer one of its last two answers.
        spare: and while there are few idle connections, at least this long, and by the same
            multiple of the longest answer that the endpoint gave of late.
        few: so many are few.
    """

    least: float = 0.15
    to_answer: float = 1.5
    spare: float = 1.0
    few: int = 128


REST: Final = Rest()
MOST_IDLE: Final = 512
"""A connection too many is ended, and a later call makes a new one."""
KEEPALIVE_SECONDS: Final = 30.0
LATELY_SECONDS: Final = 30.0
DISTRUST_SECONDS: Final = 600.0
_usable_at: Final = attrgetter("usable_at")


class IdleConnections:
    """Connections to one endpoint between two calls.

    Args:
        where: the endpoint's host and port, for the log.
    """

    def __init__(self, where: str) -> None:
        self._where = where
        # In the order of `usable_at`.
        self._idle: list[Connection] = []
        self._slowest = SlowestAnswer()
        self._caught_at = float("-inf")

    def put(self, connection: Connection) -> None:
        """Keep a connection whose exchange is over; end one that may not be used again."""
        now = asyncio.get_running_loop().time()
        seconds, before = now - connection.asked_at, connection.last_seconds
        connection.last_seconds = seconds
        self._slowest.note(seconds, now)
        # The one before counts too: an answer that came soon may be another's.
        rest = max(REST.least, REST.to_answer * max(seconds, before))
        kept = rest < KEEPALIVE_SECONDS and len(self._idle) < MOST_IDLE and connection.is_clean
        if not kept or now < self._caught_at + DISTRUST_SECONDS:
            connection.abort()
            return
        connection.idle_since, connection.usable_at = now, now + rest
        insort(self._idle, connection, key=_usable_at)

    def take(self) -> Connection | None:
        """A connection to use again: the last that may be, so that those not needed grow old."""
        now, idle = asyncio.get_running_loop().time(), self._idle
        while idle and idle[0].idle_since < now - KEEPALIVE_SECONDS:
            idle.pop(0).abort()
        latest, usable = self._limits(now)
        for place in range(bisect_right(idle, usable, key=_usable_at) - 1, -1, -1):
            if idle[place].idle_since <= latest:
                connection = idle.pop(place)
                if connection.is_silent:
                    return connection
                connection.abort()
        return None

    def _limits(self, now: float) -> tuple[float, float]:
        """Since when a connection must be idle, and usable: for longer, as long as few are idle."""
        if len(self._idle) >= REST.few:
            return now, now
        rest = max(REST.least, REST.to_answer * self._slowest.seconds(now))
        latest = now - max(REST.spare, rest)
        # Who became usable later was used later too: it need not be looked at.
        return latest, latest + rest

    def may_be_anothers(self, connection: Connection) -> bool:
        """Whether the endpoint was caught during this exchange, which was not the first one."""
        return connection.is_used_again and connection.asked_at <= self._caught_at

    def distrust(self) -> None:
        """Take note that the endpoint sent what nobody had asked for."""
        now = asyncio.get_running_loop().time()
        if now >= self._caught_at + DISTRUST_SECONDS:
            log.warning(
                "%s sent an answer that nobody had asked for: for %d minutes each call has a "
                "connection of its own, so that no job gets another's answer",
                *(self._where, DISTRUST_SECONDS / 60),
            )
        self._caught_at = now
        self.close()

    def close(self) -> None:
        """End all of them."""
        while self._idle:
            self._idle.pop().abort()


class SlowestAnswer:
    """The longest that an answer took in the last half minute, or in the one before."""

    def __init__(self) -> None:
        self._now = self._before = 0.0
        self._ends = 0.0

    def note(self, seconds: float, now: float) -> None:
        """Take note of an answer."""
        self._turn(now)
        self._now = max(self._now, seconds)

    def seconds(self, now: float) -> float:
        """How long it took; 0 where there was none."""
        self._turn(now)
        return max(self._now, self._before)

    def _turn(self, now: float) -> None:
        if now >= self._ends:
            self._before = self._now if now < self._ends + LATELY_SECONDS else 0.0
            self._now, self._ends = 0.0, now + LATELY_SECONDS
