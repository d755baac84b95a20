"""Copies of jobs for a site that is tried out: how many, what is told, and that nothing else is."""

import asyncio
from collections.abc import Awaitable, Callable
from random import Random

import pytest

from rerankq.accounts.accounts import Limits
from rerankq.contract import Job, LongDocuments, RerankRequest
from rerankq.cost.counters import CharactersEach
from rerankq.events import Event, ShadowCompared, ShadowFailed
from rerankq_worker.jobs.long_documents import TEMPLATE_TOKENS, LongDocumentCutter
from rerankq_worker.jobs.shadows import MOST_AT_ONCE, Shadows
from rerankq_worker.upstream.context import Context
from rerankq_worker.upstream.errors import Throttled
from rerankq_worker.upstream.port import Answer, Score
from rerankq_worker.upstream.sites import Account, Key, Site
from running.fake_limits import Network

JOB = Job(id="job-1", request=RerankRequest(model="m", query="q", documents=("a", "b")))
RANKED = [Score(1, 0.9), Score(0, 0.2)]
REVERSED = [Score(0, 0.8), Score(1, 0.1)]


class Tried:
    """A site that is tried out, with a fake behind it."""

    def __init__(self, share: float = 1.0, *, may_call: bool = True) -> None:
        self.network = Network(MOST_AT_ONCE, candidate={"m": "own-m"})
        self.network.hear("candidate", permits=100)
        self.provider = self.network.providers["candidate"]
        self.provider.answer = Answer(REVERSED, 1, 1, None)
        account = Account("candidate", (Key("k"),), Limits())
        site = Site("candidate", "http://c", "dmxapi", (account,), {"m": "own-m"}, shadow=share)
        self.told: list[Event] = []
        self.network.events.listen(self.told.append, ShadowCompared)
        self.network.events.listen(self.told.append, ShadowFailed)
        self.shadows = Shadows(
            [site],
            self.network.routes,
            may_call=lambda: may_call,
            events=self.network.events,
            cutter=LongDocumentCutter(lambda _: Context(TEMPLATE_TOKENS + 50, CharactersEach(1.0))),
            chance=Random(1),  # noqa: S311  repeatable
        )

    async def until(self, condition: Callable[[], bool]) -> None:
        """Let the copies go on until a condition holds."""
        async with asyncio.timeout(10):
            while not condition():  # noqa: ASYNC110  nothing else tells of a call
                await asyncio.sleep(0)

    async def until_told(self, count: int) -> None:
        """Let the copies go on until so many events were told."""
        await self.until(lambda: len(self.told) >= count)


def run(tried: Callable[[], Awaitable[None]]) -> None:
    async def within() -> None:
        async with asyncio.timeout(20):
            await tried()

    asyncio.run(within())


def test_the_copy_is_compared() -> None:
    """The same request goes to the site under its own name of the model; figures are told."""

    async def tried() -> None:
        site = Tried()
        site.shadows.consider(JOB, RANKED)
        await site.until_told(1)
        (call,) = site.provider.calls
        assert (call.job_id, call.model, call.request) == ("job-1", "own-m", JOB.request)
        (told,) = site.told
        assert isinstance(told, ShadowCompared)
        assert (told.site, told.model, told.job.id) == ("candidate", "own-m", "job-1")
        assert dict(told.overlap) == {1: 0.0}
        assert told.rank_correlation == pytest.approx(-1)

    run(tried)


def test_a_copy_has_long_documents_as_its_job_had_them() -> None:
    """What the job's own sites got instead of a long document is sent."""

    async def tried() -> None:
        site = Tried()
        cut = {"documents": ("a", "word " * 20), "long_documents": LongDocuments.TRUNCATE}
        request = JOB.request.model_copy(update=cut)
        site.shadows.consider(JOB.model_copy(update={"request": request}), RANKED)
        await site.until_told(1)
        (call,) = site.provider.calls
        assert call.request.texts() == ["a", "word " * 7]

    run(tried)


def test_a_failure_is_told_once_and_not_repeated() -> None:
    """A copy has one call at most; of a model that the site does not serve, none."""

    async def tried() -> None:
        site = Tried()
        site.provider.answer = Throttled("slow down")
        site.shadows.consider(JOB, RANKED)
        await site.until_told(1)
        other = JOB.request.model_copy(update={"model": "other"})
        site.shadows.consider(JOB.model_copy(update={"request": other}), RANKED)
        await site.until_told(2)
        reasons = [each.reason for each in site.told if isinstance(each, ShadowFailed)]
        assert reasons == ["upstream_throttled", "upstream_refused"]
        assert len(site.provider.calls) == 1

    run(tried)


def test_a_share_of_the_jobs_is_copied() -> None:
    """Each job is copied by chance, with the probability of the share."""

    async def tried() -> None:
        site = Tried(share=0.25)
        for _ in range(200):
            site.shadows.consider(JOB, RANKED)
            await asyncio.sleep(0)
            await site.until_told(len(site.provider.calls))
        assert 35 <= len(site.told) <= 65

    run(tried)


def test_few_copies_are_in_flight_and_the_end_cuts_them_off() -> None:
    """While so many calls last, no copy is made; a worker that shuts down waits for none."""

    async def tried() -> None:
        site = Tried()
        site.provider.answers.clear()
        for _ in range(MOST_AT_ONCE + 3):
            site.shadows.consider(JOB, RANKED)
        await site.until(lambda: len(site.provider.calls) == MOST_AT_ONCE)
        await site.shadows.end()
        assert len(site.provider.calls) == MOST_AT_ONCE
        assert site.told == []

    run(tried)


def test_a_worker_that_shuts_down_makes_no_copies() -> None:
    """Its time is for the calls of jobs."""

    async def tried() -> None:
        site = Tried(may_call=False)
        site.shadows.consider(JOB, RANKED)
        await site.shadows.end()
        assert site.provider.calls == []

    run(tried)
