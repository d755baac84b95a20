"""The answer of a receiver, before which few interim ones (1xx) may come.

aiohttp reads over interim answers without a bound, and without a turn for others while they come:
a receiver that sends nothing else would have the gateway's event loop for itself.
"""

from typing import Any, Final

import aiohttp

MOST_INTERIM: Final = 8


class Answer(aiohttp.ClientResponse):
    """The answer; raises `ClientPayloadError` when too many interim ones come before it."""

    async def start(self, connection: Any) -> aiohttp.ClientResponse:
        """Read its head."""
        bounded: Any = _Bounded(connection, protocol=_FewHeads(connection.protocol))
        return await super().start(bounded)


class _Bounded:
    """A connection, or a part of one, with another attribute or method here and there."""

    def __init__(self, inner: Any, **others: Any) -> None:
        self._inner = inner
        vars(self).update(others)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class _FewHeads(_Bounded):
    """What reads the heads of answers from a connection."""

    def __init__(self, inner: Any) -> None:
        super().__init__(inner)
        self._read = 0

    async def read(self) -> Any:
        """The next head."""
        self._read += 1
        if self._read > MOST_INTERIM:
            raise aiohttp.ClientPayloadError
        return await self._inner.read()
