"""Sends copies of some jobs to sites that are only tried out, and compares the rankings.

Nobody who submits jobs can notice it. A copy is sent after the job has its ranking; its calls have
routes, permits and slots of their own; nothing waits for it, and nothing of it is kept but figures.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from random import Random
from typing import Final

from rerankq.contract import Job
from rerankq.events import Events, JobRef, ShadowCompared, ShadowFailed
from rerankq_worker.jobs.long_documents import LongDocumentCutter
from rerankq_worker.jobs.rerank import estimated_tokens
from rerankq_worker.jobs.sent_request import SentRequest
from rerankq_worker.limits.guarded_call import GuardedCall
from rerankq_worker.limits.routes import Routes
from rerankq_worker.upstream.agreement import agreement
from rerankq_worker.upstream.errors import Refused, UpstreamError
from rerankq_worker.upstream.port import Score
from rerankq_worker.upstream.sites import Site

MOST_AT_ONCE: Final = 4
"""Copies in flight of one worker. Beyond it no copy is made: the share is then not reached."""


class Shadows:
    """Makes the copies of one worker.

    Args:
        sites: that are tried out, each with its share of jobs.
        routes: to these sites alone.
        may_call: whether this worker may begin calls; not while it shuts down.
        events: told how rankings agree.
        cutter: what the jobs' own sites got is sent, also of documents that were cut; None: whole.
        chance: decides which jobs are copied.
    """

    def __init__(
        self,
        sites: Sequence[Site],
        routes: Routes,
        *,
        may_call: Callable[[], bool],
        events: Events,
        cutter: LongDocumentCutter | None = None,
        chance: Random | None = None,
    ) -> None:
        self._cutter = cutter or LongDocumentCutter(lambda _: None)
        self._sites = sites
        self._routes = routes
        self._may_call = may_call
        self._events = events
        self._chance = chance or Random()  # noqa: S311  no secret
        self._copies: set[asyncio.Task[None]] = set()

    def consider(self, job: Job, scores: Sequence[Score]) -> None:
        """Perhaps send a copy of a job that has its ranking.

        Args:
            job: the job.
            scores: its ranking.
        """
        if not self._may_call():
            return
        for site in self._sites:
            if len(self._copies) < MOST_AT_ONCE and self._chance.random() < site.shadow:
                copy = asyncio.create_task(self._compared(job, site, scores))
                self._copies.add(copy)
                copy.add_done_callback(self._copies.discard)

    async def end(self) -> None:
        """Cut the copies in flight off."""
        for copy in self._copies:
            copy.cancel()
        await asyncio.gather(*self._copies, return_exceptions=True)

    async def _compared(self, job: Job, site: Site, scores: Sequence[Score]) -> None:
        about, model = JobRef.of(job), site.model(job.request.model) or ""
        try:
            seconds, others = await self._asked(job, site, model)
        except UpstreamError as error:
            self._events.tell(
                ShadowFailed(job=about, site=site.name, model=model, reason=error.code)
            )
            return
        documents = len(job.request.documents)
        agreed = agreement(_by_document(scores), _by_document(others), documents=documents)
        self._events.tell(
            ShadowCompared(
                job=about,
                site=site.name,
                model=model,
                overlap=agreed.overlap,
                rank_correlation=agreed.rank_correlation,
                seconds=seconds,
            )
        )

    async def _asked(self, job: Job, site: Site, model: str) -> tuple[float, Sequence[Score]]:
        if not model:
            raise Refused(f"the site {site.name} does not serve the model {job.request.model}")
        sent = SentRequest(job.request, await self._cutter.cut(job.request))
        tokens = await estimated_tokens(sent.request)
        reserved = await self._routes.reserve_at(site.name, model, tokens=tokens, retry=False)
        async with GuardedCall(self._routes, reserved, may_begin=self._may_call) as upstream:
            began = time.monotonic()
            answer = await upstream.ask(job.id, 1, sent.request)
            return time.monotonic() - began, sent.scores(answer.scores)


def _by_document(scores: Sequence[Score]) -> dict[int, float]:
    return {score.index: score.raw for score in scores}
