"""Tests whether a worker that was cut off is answered again."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from rerankq.events import Events, WorkerIsolated, WorkerReconnected
from rerankq_worker.limits.permits import Permits
from rerankq_worker.limits.route import Route
from rerankq_worker.upstream.errors import Unreachable
from rerankq_worker.upstream.port import Provider

LOOK_SECONDS: Final = 2.0
"""From one test to the next."""


class Reach:
    """Takes accounts back into use once they answer this worker again.

    Args:
        routes: all routes of this worker.
        changed: called when an account is usable again, or a trial is due.
        say: given a sentence when this worker is cut off from all accounts; None when it is not.
        events: told of each account from which it is cut off, and of each that answers again.
    """

    def __init__(
        self,
        routes: Iterable[Route],
        *,
        changed: Callable[[], None],
        say: Callable[[str | None], None],
        events: Events | None = None,
    ) -> None:
        self._sites: dict[Permits, Provider] = {each.permits: each.provider for each in routes}
        self._known: set[Permits] = set()
        self._changed = changed
        self._say = say
        self._events = events or Events()

    async def run(self) -> None:
        """Test until cancelled."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            cut_off = [each for each in self._sites if each.cut_off]
            self._tell(cut_off)
            for permits in cut_off:
                await self._try(permits)

    async def _try(self, permits: Permits) -> None:
        if permits.isolation.needs_call:
            # Connections succeed, so only a job's call can tell.
            if permits.isolation.offer_trial():
                permits.reports.ask_soon()
                self._changed()
            return
        try:
            await self._sites[permits].reach()
        except Unreachable as error:
            permits.isolation.cause = str(error.cause or permits.cut_off)
            return
        permits.reconnected()
        self._tell([each for each in self._sites if each.cut_off])
        self._changed()

    def _tell(self, cut_off: Sequence[Permits]) -> None:
        for permits in cut_off:
            if permits not in self._known:
                name, cause = permits.account.name, permits.cut_off
                self._events.tell(WorkerIsolated(account=name, cause=cause))
        for permits in self._known.difference(cut_off):
            self._events.tell(WorkerReconnected(account=permits.account.name))
        self._known = set(cut_off)
        none_left = len(cut_off) == len(self._sites)
        names = ", ".join(f"{each.account.name} ({each.cut_off})" for each in cut_off)
        self._say(f"it alone gets no rankings from {names}" if none_left else None)
