"""An attempt at a job of which some scores are known: it asks for the others, or makes no call."""

from typing import NamedTuple

from rerankq.contract import Job, RerankRequest
from rerankq.events import Events, JobRef, ScoresReused
from rerankq_worker.jobs.rerank import Measures, Succeeded, estimated_tokens, succeeded
from rerankq_worker.jobs.sent_request import SentRequest
from rerankq_worker.jobs.usage import AttemptUsage
from rerankq_worker.reuse.known_scores import KnownScores
from rerankq_worker.reuse.score_reuse import Known, ScoreReuse
from rerankq_worker.upstream.port import Answer, Upstream


class ReusingUpstream:
    """Asks an upstream for what is not known; see `upstream.Upstream`.

    Args:
        upstream: makes the call.
        known: learns the new scores.
        scores: what is known from the site that the call goes to; not all.
    """

    def __init__(self, upstream: Upstream, known: Known, scores: KnownScores) -> None:
        self._upstream = upstream
        self._known = known
        self.scores = scores

    async def ask(self, job_id: str, attempt: int, request: RerankRequest) -> Answer:
        """The scores of all documents of a request. See `upstream.Upstream`."""
        answer = await self._upstream.ask(job_id, attempt, self.scores.rest(request))
        self._known.learn(self.scores, answer)
        return self.scores.whole(answer)


class ReusingAttempt(NamedTuple):
    """An attempt at a job.

    Attributes:
        job: what to rank.
        sent: what would be sent of it, if nothing were known.
        attempts: attempts used before.
        usage: told what was saved.
        events: told the same.
    """

    job: Job
    sent: SentRequest
    attempts: int
    usage: AttemptUsage
    events: Events

    async def known(self, reuse: ScoreReuse | None) -> Known | None:
        """What is known of the job; None where scores are not reused.

        Args:
            reuse: of this worker; None if it is off.
        """
        if reuse is None or self.job.reuse is False:
            return None
        return await reuse.known(self.job.tenant, self.sent.request)

    async def without_a_call(self, scores: KnownScores, waited_seconds: float) -> Succeeded:
        """The outcome of a job whose scores are all known. It uses no attempt.

        Args:
            scores: of all documents that would be sent.
            waited_seconds: time since the job might run for the first time.
        """
        await self.note(scores)
        measures = Measures(waited_seconds, 0.0, 0)
        return succeeded(self.job, self.sent, scores.without_a_call(), self.attempts, measures)

    async def note(self, scores: KnownScores) -> int:
        """Tell what was known, after a call for the rest; returns how many documents were sent."""
        request = self.sent.request
        known, total = scores.known(request), len(request.documents)
        reused = len(known.documents) if known else 0
        if known:
            tokens = await estimated_tokens(known)
            self.usage.reused(scores.site, pairs=reused, tokens=tokens)
        if ScoresReused in self.events.wanted:
            about, model, sent = JobRef.of(self.job), request.model, total - reused
            told = ScoresReused(job=about, site=scores.site, model=model, reused=reused, sent=sent)
            self.events.tell(told)
        return total - reused
