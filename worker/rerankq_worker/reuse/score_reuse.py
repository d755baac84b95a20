"""What the jobs of one worker know from earlier calls, and what they add to it."""

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any, Final, NamedTuple

from rerankq.contract import RerankRequest
from rerankq.score_cache.cache import ScoreCache
from rerankq_worker.limits.breakers import Breakers
from rerankq_worker.limits.route import Route
from rerankq_worker.reuse.flights import Flights
from rerankq_worker.reuse.known_scores import KnownScores
from rerankq_worker.reuse.lookups import Lookups, Stored
from rerankq_worker.reuse.pair_keys import pair_keys
from rerankq_worker.reuse.sources import source_of
from rerankq_worker.reuse.writer import ScoreWriter
from rerankq_worker.upstream.port import Answer
from rerankq_worker.upstream.sites import Site

LARGE_CHARACTERS: Final = 1_000_000

MOST_MODELS: Final = 100
"""For how many models it is remembered where they are served: jobs may name any model."""


class Place(NamedTuple):
    """A site where scores are used again.

    Attributes:
        model: the site's name for the model.
        source: what gives the scores; see `sources`.
    """

    site: Site
    model: str
    source: str


class Known:
    """What is known of the documents of a request; must be closed, whatever becomes of the job.

    Args:
        by_place: what is known, by a site's name and its name for the model; the preferred site
            first.
        flights: where other jobs learn that this one asks for pairs.
        writer: stores what this one learns.
    """

    def __init__(
        self, by_place: Mapping[tuple[str, str], KnownScores], flights: Flights, writer: ScoreWriter
    ) -> None:
        self._by_place = by_place
        self._flights = flights
        self._writer = writer
        self.first = next(iter(by_place.values()))
        """From the site that comes first. If it is whole, the job needs no call: it gets the scores
        that it would get without reuse. Another site's scores may be others, so those are used only
        when the call would go there."""
        missing = self.first.missing_keys()
        self._flight = flights.begin(missing) if missing else None

    @property
    def knows_any(self) -> bool:
        """Whether the score of any document is known."""
        return any(each.knows_any for each in self._by_place.values())

    def of(self, site: Site, model: str) -> KnownScores | None:
        """What is known from the site that a call would go to, by its name for the model."""
        return self._by_place.get((site.name, model))

    def learn(self, known: KnownScores, answer: Answer) -> None:
        """Keep the scores of a call.

        Args:
            known: what was known before.
            answer: to what `known` left to be asked.
        """
        learned = known.learned(answer)
        self._writer.put(known.entries(learned))
        if self._flight and known is self.first:
            self._flights.end(self._flight, learned)
            self._flight = None

    def close(self) -> None:
        """Let those go on that wait for the scores of this job, if it got none."""
        if self._flight:
            self._flights.end(self._flight, {})
            self._flight = None


class ScoreReuse:
    """The score reuse of one worker. All calls belong to one event loop.

    Args:
        cache: the scores in Redis.
        routes: all routes of this worker.
        breakers: tells which models are parked because of their scores.
        gather_seconds: see `Lookups`.
    """

    def __init__(
        self,
        cache: ScoreCache,
        routes: Sequence[Route],
        breakers: Breakers,
        *,
        gather_seconds: float = 0.0,
    ) -> None:
        self._routes = routes
        self._breakers = breakers
        self._by_model: dict[str, list[Place]] = {}
        self._lookups = Lookups(cache, gather_seconds=gather_seconds)
        self._flights = Flights()
        self._writer = ScoreWriter(cache)

    async def known(self, tenant: str | None, request: RerankRequest) -> Known | None:
        """What is known of a request; None if its scores are not used again.

        It waits a while for calls of other jobs of this worker that ask for the same pairs.

        Args:
            tenant: whose job it is.
            request: as it would be sent.
        """
        places = self._places(request.model)
        if self._breakers.any_tripped:
            places = [each for each in places if not self._gives_nonsense(each)]
        if not places:
            return None
        found = await self._found(tenant, request, {each.source for each in places})
        known = {
            (each.site.name, each.model): KnownScores(
                each.site.name, found[each.source], each.site.scales.of(each.model)
            )
            for each in places
        }
        first = next(iter(known.values()))
        if not first.is_whole:
            first.add(await self._flights.joined(first.missing_keys()))
        # Nothing may wait between this and the end of `joined`, or two jobs ask for the same.
        return Known(known, self._flights, self._writer)

    def _places(self, asked: str) -> list[Place]:
        """Where a model is served and its scores are used again, in the order of preference."""
        if (places := self._by_model.get(asked)) is not None:
            return places
        named = [(each.site, each.site.model(asked)) for each in self._routes]
        served = {site.name: (site, model) for site, model in named if model is not None}
        places = [
            Place(site, model, source_of(site, model, asked))
            for site, model in served.values()
            if site.is_pointwise(model)
        ]
        if places and places[0].site is not next(iter(served.values()))[0]:
            # The site that comes first compares documents: its jobs must go there as without reuse.
            places = []
        if len(self._by_model) >= MOST_MODELS:
            self._by_model.clear()
        self._by_model[asked] = places
        return places

    def _gives_nonsense(self, place: Place) -> bool:
        return self._breakers.gives_nonsense(place.site, place.model)

    async def _found(
        self, tenant: str | None, request: RerankRequest, sources: set[str]
    ) -> dict[str, Stored]:
        texts = request.texts()
        is_large = sum(map(len, texts)) >= LARGE_CHARACTERS
        found = {}
        for source in sources:
            if is_large:
                # Millions of characters take a while: a thread does it, so that other jobs go on.
                keys = await asyncio.to_thread(pair_keys, tenant, source, request, texts)
            else:
                keys = pair_keys(tenant, source, request, texts)
            found[source] = await self._lookups.find(source, keys)
        return found

    def duty(self) -> Coroutine[Any, Any, None]:
        """What runs in the background while this worker lives."""
        return self._writer.run()

    async def leave(self) -> None:
        """Write what is not written yet, when this worker ends."""
        await self._writer.leave()
