"""The connections that no call uses at the moment, and when each may be used again.

In HTTP/1.1 only the order of answers tells which request each belongs to. If an upstream, or a
gateway in front of it, sends one answer too many, all later answers on that connection are shifted
by one, and each job gets the ranking of another. So a connection is used again only if its last
answer was a success and complete, and if nothing came on it for a while since. A second answer that
comes in that time meets no call, and ends the connection.

A second answer usually means that the gateway made the call twice, so it comes about as long after
the first as an answer takes. That decides how long a connection rests (see `Rest`). A second answer
that comes later can meet the next call, and nothing in HTTP/1.1 shows it; only documents in its
rows do. A new connection for each call would rule that out, but costs a third of the CPU of a whole
job, and with TLS three times a whole job.

After an upstream has sent an answer too many, no connection carries a second request for a while,
because the next such answer may come later. Answers to calls in flight on connections that had been
used before are not trusted either.
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
    """How long a connection rests before it is used again, in seconds.

    Attributes:
        least: at least this long.
        to_answer: and at least this many times as long as the longer one of its last two answers.
        spare: while fewer than `few` connections are idle, at least this long, and `to_answer`
            times as long as the endpoint's slowest recent answer.
        few: see `spare`.
    """

    least: float = 0.15
    to_answer: float = 1.5
    spare: float = 1.0
    few: int = 128


REST: Final = Rest()
MOST_IDLE: Final = 512
"""Further connections are closed; later calls make new ones."""
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
        """Keep a connection whose exchange is over, or close it if it must not be used again."""
        now = asyncio.get_running_loop().time()
        seconds, before = now - connection.asked_at, connection.last_seconds
        connection.last_seconds = seconds
        self._slowest.note(seconds, now)
        # The exchange before counts too: a fast answer may be that of another call.
        rest = max(REST.least, REST.to_answer * max(seconds, before))
        kept = rest < KEEPALIVE_SECONDS and len(self._idle) < MOST_IDLE and connection.is_clean
        if not kept or now < self._caught_at + DISTRUST_SECONDS:
            connection.abort()
            return
        connection.idle_since, connection.usable_at = now, now + rest
        insort(self._idle, connection, key=_usable_at)

    def take(self) -> Connection | None:
        """A connection to use again: the most recently usable one, so that spare ones expire."""
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
        """Since when a connection must be idle, and usable; for longer while only few are idle."""
        if len(self._idle) >= REST.few:
            return now, now
        rest = max(REST.least, REST.to_answer * self._slowest.seconds(now))
        latest = now - max(REST.spare, rest)
        # A connection that became usable later was used later too, and need not be checked.
        return latest, latest + rest

    def may_be_anothers(self, connection: Connection) -> bool:
        """Whether an answer too many came during this exchange, on a connection used before."""
        return connection.is_used_again and connection.asked_at <= self._caught_at

    def distrust(self) -> None:
        """Record that the endpoint sent an answer to no request."""
        now = asyncio.get_running_loop().time()
        if now >= self._caught_at + DISTRUST_SECONDS:
            log.warning(
                "%s sent an answer to no request: for %d minutes each call uses a new connection, "
                "so that no job gets another job's answer",
                *(self._where, DISTRUST_SECONDS / 60),
            )
        self._caught_at = now
        self.close()

    def close(self) -> None:
        """Close all idle connections."""
        while self._idle:
            self._idle.pop().abort()


class SlowestAnswer:
    """The longest that an answer took in this half minute or the last one."""

    def __init__(self) -> None:
        self._now = self._before = 0.0
        self._ends = 0.0

    def note(self, seconds: float, now: float) -> None:
        """Record how long an answer took."""
        self._turn(now)
        self._now = max(self._now, seconds)

    def seconds(self, now: float) -> float:
        """The slowest answer's time; 0 if there was no answer."""
        self._turn(now)
        return max(self._now, self._before)

    def _turn(self, now: float) -> None:
        if now >= self._ends:
            self._before = self._now if now < self._ends + LATELY_SECONDS else 0.0
            self._now, self._ends = 0.0, now + LATELY_SECONDS
