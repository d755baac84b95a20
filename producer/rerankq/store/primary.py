"""Which server is the primary: asked of Redis Sentinel, at each new connection.

The library's own class for that keeps connections to the Sentinels, which belong to one event loop,
and asks them for the state of every service. Here one command is sent on a connection of its own.

Source: https://redis.io/docs/latest/develop/reference/sentinel-clients/
"""

import asyncio
from collections.abc import Generator
from dataclasses import replace
from functools import lru_cache
from typing import Any

from redis import asyncio as redis_asyncio
from redis import exceptions
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.connection import Connection, SSLConnection
from redis.retry import Retry

from rerankq.store.connecting import (
    NO_SENTINEL,
    NO_SERVICE,
    SENTINEL_LOGIN,
    SENTINEL_REFUSES,
    SENTINELS_SILENT,
    why_no_connection,
)
from rerankq.store.sentinels import Place, Sentinels

Search = Generator[Place, Any, Place]
"""Gives each Sentinel to ask, takes its answer or the error, and returns the primary."""


class Primary:
    """Finds the primary of a service. Used by connections of any loop and thread.

    Taken from `primary_of`, so that all connections know which Sentinel answered last.

    Args:
        sentinels: whom to ask.
    """

    def __init__(self, sentinels: Sentinels) -> None:
        self._sentinels = sentinels
        self._order = sentinels.places
        self._told: tuple[Place, Place] | None = None

    async def find(self) -> Place:
        """Host and port of the primary.

        Raises:
            redis.exceptions.ConnectionError: no Sentinel names one; its text is in `connecting`.
        """
        search = self._search()
        try:
            place = next(search)
            while True:
                place = search.send(await self._ask(*place))
        except StopIteration as found:
            primary: Place = found.value
            return primary

    def find_blocking(self) -> Place:
        """The same, for a connection of a thread.

        Raises:
            redis.exceptions.ConnectionError: as `find` says.
        """
        search = self._search()
        try:
            place = next(search)
            while True:
                place = search.send(self._ask_blocking(*place))
        except StopIteration as found:
            primary: Place = found.value
            return primary

    def doubt(self, primary: Place) -> None:
        """Nothing answers where the primary was said to be: ask another Sentinel first next time.

        A Sentinel that is cut off from the others does not hear of a failover.
        """
        told = self._told
        if told == (self._order[0], primary):
            # Connections fail together. Only the first of them changes the order.
            self._order = (*self._order[1:], self._order[0])

    def _search(self) -> Search:
        faults = []
        for place in self._order:
            said = yield place
            if isinstance(said, list):
                # Who has answered is asked first next time, so that a dead one is not waited for.
                self._order = (place, *(each for each in self._order if each != place))
                host, port = said
                primary = host.decode(), int(port)
                self._told = (place, primary)
                return primary
            faults.append(_fault(said))
        # What a Sentinel has said explains more than the silence of another one.
        raise exceptions.ConnectionError(
            min(faults, key=lambda each: each.startswith(SENTINELS_SILENT))
        )

    async def _ask(self, host: str, port: int) -> Any:
        tls = self._sentinels.tls is not None
        kind = redis_asyncio.SSLConnection if tls else redis_asyncio.Connection
        connection: Any = kind(
            host=host,
            port=port,
            retry=AsyncRetry(NoBackoff(), 0),
            **self._sentinels.arguments(),
        )
        try:
            await connection.connect()
            await connection.send_command(*self._question())
            return await connection.read_response()
        except (exceptions.RedisError, OSError) as error:
            return error
        finally:
            await connection.disconnect(nowait=True)

    def _ask_blocking(self, host: str, port: int) -> Any:
        kind = Connection if self._sentinels.tls is None else SSLConnection
        connection: Any = kind(
            host=host, port=port, retry=Retry(NoBackoff(), 0), **self._sentinels.arguments()
        )
        try:
            connection.connect()
            connection.send_command(*self._question())
            return connection.read_response()
        except (exceptions.RedisError, OSError) as error:
            return error
        finally:
            connection.disconnect()

    def _question(self) -> tuple[str, ...]:
        return "SENTINEL", "GET-MASTER-ADDR-BY-NAME", self._sentinels.service


@lru_cache(maxsize=64)
def primary_of(sentinels: Sentinels) -> Primary:
    """The one that all connections of this process share: kombu often makes new pools."""
    return Primary(sentinels)


async def named_by_each(sentinels: Sentinels) -> dict[Place, Place | str | None]:
    """What each Sentinel says: the primary; or why it names none, to follow the address.

    None for one that does not answer.
    """
    answers = await asyncio.gather(*(_named(sentinels, each) for each in sentinels.places))
    return dict(zip(sentinels.places, answers, strict=True))


async def _named(sentinels: Sentinels, place: Place) -> Place | str | None:
    try:
        return await Primary(replace(sentinels, places=(place,))).find()
    except exceptions.ConnectionError as error:
        said = str(error)
        return None if said.startswith(SENTINELS_SILENT) else why_no_connection(said) or said


def _fault(said: Any) -> str:
    """Why a Sentinel has named no primary: a text of `connecting`."""
    if said is None:
        return NO_SERVICE
    text = str(said)
    if isinstance(said, exceptions.AuthenticationError) or "NOAUTH" in text or "WRONGPASS" in text:
        return SENTINEL_LOGIN
    if isinstance(said, exceptions.InvalidResponse) or "unknown command" in text.lower():
        return NO_SENTINEL
    if isinstance(said, exceptions.ResponseError):
        return SENTINEL_REFUSES
    return f"{SENTINELS_SILENT} ({text})"
