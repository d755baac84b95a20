"""Checks now and then that the scores of each model at each site make sense.

A check is one small call, by the same permits as a job's call. When its scores are nonsense, it is
repeated with other questions. When all of these answers are nonsense too, the model is parked for
all workers: its jobs wait, or go to another site. From then on one worker in a minute asks again,
until the scores are good.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from itertools import count
from secrets import randbelow, token_hex
from typing import Final

from rerankq.accounts.breakers import Trip, TrippedBreaker, model_breaker
from rerankq.accounts.score_turns import ScoreTurns
from rerankq.accounts.scripts import NONSENSE_SCORES
from rerankq.errors import LedgerUnavailable
from rerankq.events import BreakerHalfOpened, Events, JobRef, ScoresChecked
from rerankq_worker.limits.breaker_changes import close_breaker, open_breaker
from rerankq_worker.limits.guarded_call import GuardedCall
from rerankq_worker.limits.permits import Permits
from rerankq_worker.limits.routes import Routes
from rerankq_worker.upstream.errors import UpstreamError
from rerankq_worker.upstream.known_pairs import QUESTIONS, ScoreFault, fault_in, fault_of
from rerankq_worker.upstream.sites import Site

FIRST_SECONDS: Final = 20.0
"""From the start of a worker to its first checks: a worker that runs for moments makes none."""
LOOK_SECONDS: Final = 5.0
"""From one look, whether a check is due, to the next."""
REPEATS: Final = 2
REPEAT_SECONDS: Final = 2.0
"""Between two calls of a check: one odd answer may come from one of many servers."""
AGAIN_SECONDS: Final = 300.0
"""From a check that could not be made to the next try."""
PROBE_SECONDS: Final = 60.0
SANE: Final = "sane"
CHECK_ID: Final = "score-check-"
"""How the id begins that a check has in the place of a job's."""


class ScoreChecks:
    """Makes the checks of one worker. Several workers share them: each check is made by one.

    Args:
        routes: all routes of this worker.
        sites: where jobs may be sent.
        turns: which checks are due.
        model: the model that is checked at a site that has ranked for no other yet.
        every: seconds between two checks of a model; 0 for none. Parked models are probed anyway.
        may_call: whether this worker may begin calls; not while it shuts down.
        forget: forgets the stored scores of a model at a site; None where none are stored.
        events: told what each check showed.
    """

    def __init__(
        self,
        routes: Routes,
        sites: Sequence[Site],
        turns: ScoreTurns,
        *,
        model: str,
        every: float,
        may_call: Callable[[], bool],
        forget: Callable[[Site, str], Awaitable[None]] | None = None,
        events: Events,
    ) -> None:
        self._routes = routes
        self._sites = sites
        self._turns = turns
        self._model = model
        self._every = every
        self._may_call = may_call
        self._forget = forget
        self._events = events
        self._nth = count(randbelow(len(QUESTIONS)))

    async def run(self) -> None:
        """Check until cancelled."""
        first = time.monotonic() + min(FIRST_SECONDS, self._every)
        while True:
            await asyncio.sleep(min(LOOK_SECONDS, self._every or LOOK_SECONDS))
            if self._may_call():
                await self.look(timed=self._every > 0 and time.monotonic() >= first)

    async def look(self, *, timed: bool) -> None:
        """Make the checks that are due now, those of different models side by side.

        Args:
            timed: whether to make more than the probes of parked models.
        """
        try:
            tripped = await self._routes.breakers.shared.tripped()
        except LedgerUnavailable:
            # Other parts tell of it.
            return
        due = [
            self._looked_at(site, model, tripped.get(model_breaker(site.name, model)), timed=timed)
            for site in self._sites
            for model in self._models(site, tripped)
        ]
        await asyncio.gather(*due)

    def _models(self, site: Site, tripped: Mapping[str, TrippedBreaker]) -> list[str]:
        """The models of a site whose scores are checked, by its own names."""
        used = self._routes.ranked_models.of(site.name)
        known = site.models.values() or used or [self._model]
        return list(dict.fromkeys([*known, *_parked(site, tripped)]))

    async def _looked_at(
        self, site: Site, model: str, breaker: TrippedBreaker | None, *, timed: bool
    ) -> None:
        try:
            if breaker is None:
                if timed and await self._turns.take(site.name, model, self._every):
                    await self._check(site.name, model)
            elif breaker.code == NONSENSE_SCORES:
                name = model_breaker(site.name, model)
                if await self._routes.breakers.shared.probe(name):
                    await self._probe(site.name, model)
        except LedgerUnavailable:
            return

    async def _check(self, site: str, model: str) -> None:
        try:
            fault, permits = await self._asked(site, model)
            for repeat in range(1, REPEATS + 1):
                if fault is None:
                    break
                await asyncio.sleep(REPEAT_SECONDS)
                fault, permits = await self._asked(site, model, repeat=repeat)
        except UpstreamError:
            # It says nothing about scores. What it means for others, its guard has done.
            await self._turns.come_back(site, model, min(AGAIN_SECONDS, self._every))
            return
        if fault:
            await self._park(site, model, fault, permits)
        else:
            await self._turns.note(site, model, SANE)

    async def _probe(self, site: str, model: str) -> None:
        """Ask a parked model once more: it is used again if its scores are good."""
        try:
            fault, permits = await self._asked(site, model, probe=True)
        except UpstreamError:
            return
        if fault:
            await self._park(site, model, fault, permits)
            return
        # Also those of calls that were under way while it was parked. A failure keeps it parked.
        await self._forget_scores(site, model)
        await close_breaker(self._routes.breakers, (model_breaker(site, model),))
        permits.reports.ask_soon()
        await self._turns.note(site, model, SANE)

    async def _park(self, site: str, model: str, fault: ScoreFault, permits: Permits) -> None:
        reason = f"its scores of known pairs {fault.in_words}"
        trip = Trip(NONSENSE_SCORES, reason, probe_seconds=PROBE_SECONDS)
        await open_breaker(self._routes.breakers, permits, model_breaker(site, model), trip)
        self._routes.ask_first(site)
        # Scores of earlier calls may be nonsense as well: nobody knows since when.
        await self._forget_scores(site, model)
        await self._turns.note(site, model, fault)

    async def _forget_scores(self, site: str, model: str) -> None:
        for each in self._sites:
            if self._forget and each.name == site:
                await self._forget(each, model)

    async def _asked(
        self, site: str, model: str, *, repeat: int = 0, probe: bool = False
    ) -> tuple[ScoreFault | None, Permits]:
        """Make one call; returns what is wrong with its scores, and the account's permits.

        Raises:
            UpstreamError: no call could be made now, or it brought no scores.
        """
        question = QUESTIONS[next(self._nth) % len(QUESTIONS)]
        request, check_id = question.request(model), f"{CHECK_ID}{token_hex(8)}"
        reserved = await self._routes.reserve_check(site, model, tokens=question.tokens)
        if probe:
            name = model_breaker(site, model)
            self._events.tell(BreakerHalfOpened(breaker=name, job=JobRef(check_id)))
        permits = reserved.route.permits
        async with GuardedCall(self._routes, reserved, may_begin=self._may_call) as upstream:
            try:
                fault = fault_of(question, await upstream.ask(check_id, 1, request))
            except UpstreamError as error:
                fault = fault_in(error)
                if fault is None:
                    raise
        outcome = fault.value if fault else SANE
        self._events.tell(
            ScoresChecked(site=site, model=model, outcome=outcome, repeat=repeat, probe=probe)
        )
        return fault, permits


def _parked(site: Site, tripped: Mapping[str, TrippedBreaker]) -> Iterator[str]:
    """The models that are parked at a site because of their scores."""
    head = model_breaker(site.name, "")
    for name, breaker in tripped.items():
        if name.startswith(head) and breaker.code == NONSENSE_SCORES:
            yield name.removeprefix(head)
