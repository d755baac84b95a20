"""Work that goes on beside requests, such as sending webhooks."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Final

from rerankq.errors import RerankqError

log = logging.getLogger(__name__)

_LONGEST_PAUSE: Final = 60.0
_CANCEL_SECONDS: Final = 0.2


@dataclass(frozen=True, slots=True)
class Duty:
    """Something to be done again and again.

    Attributes:
        name: for the log.
        step: does one portion of it, and may be called again after any error.
        every: seconds from the end of one step to the next.
    """

    name: str
    step: Callable[[], Awaitable[None]]
    every: float


class Duties:
    """The duties of a process, while it is entered by `async with`."""

    def __init__(self, duties: Iterable[Duty]) -> None:
        self._duties = tuple(duties)
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> None:
        self._tasks = [asyncio.create_task(_kept(each), name=each.name) for each in self._duties]

    async def __aexit__(self, *_: object) -> None:
        await end(self._tasks)


async def end(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Cancel tasks until all of them have ended."""
    running = set(tasks)
    while running:
        for task in running:
            # Repeatedly: before Python 3.12 `asyncio.wait_for`, which redis-py uses, can swallow
            # a cancellation, and the process would never end.
            task.cancel()
        _, running = await asyncio.wait(running, timeout=_CANCEL_SECONDS)


async def _kept(duty: Duty) -> None:
    """Do a duty until cancelled; after an error less and less often, until it works again."""
    pause = duty.every
    while True:
        try:
            await duty.step()
        except Exception as error:  # noqa: BLE001  a duty must outlive whatever happens to it
            pause = min(max(2 * pause, 1.0), _LONGEST_PAUSE)
            # Messages of foreign errors may quote a document; those of our own never do.
            said = str(error) if isinstance(error, RerankqError) else type(error).__name__
            log.warning("%s: %s; next try in %.0f s", duty.name, said, pause)
        else:
            pause = duty.every
        await asyncio.sleep(pause)
