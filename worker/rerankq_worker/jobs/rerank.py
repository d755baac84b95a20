"""One attempt at a job, and what follows from its error. Knows no Celery, Redis or httpx."""

import asyncio
import time
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import orjson

from rerankq.contract import CONTRACT_VERSION, Document, Job, RerankRequest
from rerankq.contract.status import where_it_is_kept
from rerankq.cost.tokens import load
from rerankq.errors import JobFailed
from rerankq.events import AttemptFailed, Events, JobRef
from rerankq.ledger.failures import NO_PAST, Past
from rerankq_worker.jobs.retry import RetryAfter, RetryPolicy
from rerankq_worker.jobs.sent_request import SentRequest
from rerankq_worker.upstream.errors import UpstreamError
from rerankq_worker.upstream.port import Answer, Score, Upstream


class Measures(NamedTuple):
    """What was measured of a call that brought a ranking.

    Attributes:
        waited_seconds: from the time at which the job might first run to the call.
        call_seconds: how long the call took.
        estimated_tokens: the estimated cost of the call.
    """

    waited_seconds: float
    call_seconds: float
    estimated_tokens: int


@dataclass(frozen=True, slots=True)
class Succeeded:
    """The job has its ranking.

    Attributes:
        result: a `RerankResult` as JSON.
        attempts: attempts used in all.
        answer: what the upstream answered.
        measures: what was measured of the call.
    """

    result: bytes
    attempts: int
    answer: Answer
    measures: Measures

    @property
    def tokens(self) -> int:
        """Tokens of the call: the upstream's count, or an estimate when it does not tell."""
        return self.answer.total_tokens or self.measures.estimated_tokens


@dataclass(frozen=True, slots=True)
class Failed:
    """The job ends without a ranking.

    Attributes:
        said: the upstream's own words about its last refusal, for the dead letter only: they may
            hold parts of the request.
    """

    end: JobFailed
    attempts: int
    said: str = ""


LARGE_CHARACTERS: Final = 1_000_000

AttemptOutcome = Succeeded | Failed | RetryAfter


async def rerank(
    job: Job,
    *,
    attempts: int,
    waited_seconds: float,
    upstream: Upstream,
    sent: SentRequest | None = None,
    tokens: int = 0,
    events: Events | None = None,
) -> Succeeded:
    """Make one attempt at a job.

    Args:
        job: what to rank.
        attempts: attempts used before this one.
        waited_seconds: time since the job might run for the first time.
        upstream: makes the call.
        sent: what is sent of the job, if that is known already.
        tokens: the result of `estimated_tokens` for what is sent; 0 if it was not computed yet.
        events: told when the call brings no ranking.

    Raises:
        UpstreamError: the call brought no ranking: see `consequence`.
    """
    sent = sent or SentRequest(job.request)
    started = time.monotonic()
    try:
        answer = await upstream.ask(job.id, attempts + 1, sent.request)
    except UpstreamError as error:
        if events and AttemptFailed in events.wanted:
            events.tell(_attempt_failed(job, attempts + 1, error))
        raise
    seconds = time.monotonic() - started
    measures = Measures(waited_seconds, seconds, tokens or await estimated_tokens(sent.request))
    return succeeded(job, sent, answer, attempts + 1, measures)


def succeeded(
    job: Job, sent: SentRequest, answer: Answer, attempts: int, measures: Measures
) -> Succeeded:
    """The outcome of a job that has its scores.

    Args:
        job: what was to be ranked.
        sent: what was sent of it.
        answer: about the documents that were sent.
        attempts: attempts used in all.
        measures: what was measured of the call.
    """
    of_job = answer._replace(scores=sent.scores(answer.scores))
    result = _result(job, of_job, attempts, measures)
    if answer.reused is not None:
        known = [score for score in answer.scores if score.index in answer.reused]
        _tell_sources(result, of_job.scores, set(sent.scores(known)))
    if sent.long_documents:
        result |= _about_long_documents(result, sent, answer)
    return Succeeded(orjson.dumps(result), attempts, of_job, measures)


def _tell_sources(
    result: Mapping[str, Any], scores: Iterable[Score], known: Container[Score]
) -> None:
    """Let each row say whether its score was known before.

    Args:
        result: its rows.
        scores: of the job's documents.
        known: those that were known. The score of a split document is that of its best passage.
    """
    reused = {score.index for score in scores if score in known}
    for row in result["results"]:
        row["source"] = "reused" if row["index"] in reused else "call"


def _attempt_failed(job: Job, attempt: int, error: UpstreamError) -> AttemptFailed:
    return AttemptFailed(
        job=JobRef.of(job),
        attempt=attempt,
        reason=error.code,
        status=error.status,
        cause=error.cause,
        request_id=error.request_id,
        message=str(error),
    )


def consequence(
    job_id: str,
    error: UpstreamError,
    policy: RetryPolicy,
    attempts: int,
    age_seconds: float,
    past: Past = NO_PAST,
) -> Failed | RetryAfter:
    """What an error means for its job: it fails, or is tried again later."""
    decision = policy.decide(error, attempts=attempts, age_seconds=age_seconds, past=past)
    if isinstance(decision, RetryAfter):
        return decision
    tried = f" after {decision.attempts} attempts" if decision.attempts > 1 else ""
    where = where_it_is_kept(job_id) if error.said else ""
    end = JobFailed(
        error.code,
        f"{error}{tried}{where}",
        status=error.status,
        request_id=error.request_id,
        attempts=decision.attempts,
    )
    return Failed(end, decision.attempts, error.said)


async def estimated_tokens(request: RerankRequest) -> int:
    """The estimated number of tokens that a call costs."""
    texts = request.texts()
    if sum(map(len, texts)) < LARGE_CHARACTERS:
        return load(request.query, texts)
    # Millions of characters take a while to count: a thread does it, so that other jobs go on.
    return await asyncio.to_thread(load, request.query, texts)


def _result(job: Job, answer: Answer, attempts: int, measures: Measures) -> dict[str, Any]:
    """What `RerankResult.encode` would give, without the objects: they cost six times as much."""
    request = job.request
    rows = _rows(answer.scores, request)
    result = {
        "version": CONTRACT_VERSION,
        "job_id": job.id,
        "model": request.model,
        "results": rows,
        "usage": {
            "prompt_tokens": answer.prompt_tokens,
            "total_tokens": answer.total_tokens,
            "estimated_tokens": measures.estimated_tokens,
        },
        "attempts": attempts,
        "timings": {
            "waited_seconds": round(measures.waited_seconds, 3),
            "upstream_seconds": round(measures.call_seconds, 3),
        },
    }
    if answer.request_id is not None:
        result["request_id"] = answer.request_id
    if request.raw_scores and answer.scale is not None:
        result["raw_scale"] = answer.scale
    result["metadata"] = job.metadata
    return result


def _about_long_documents(
    result: Mapping[str, Any], sent: SentRequest, answer: Answer
) -> dict[str, Any]:
    """What the result tells of documents that were cut, and of the passages with their scores."""
    passages = sent.passages(answer.scores)
    rows = [
        row | {"passage": passages[row["index"]].model_dump()} if row["index"] in passages else row
        for row in result["results"]
    ]
    told = [each.model_dump() for each in sent.long_documents]
    return {"results": rows, "long_documents": told}


def _rows(scores: Sequence[Score], request: RerankRequest) -> list[dict[str, Any]]:
    """The rows of a result: those that have `min_score`, at most `top_n`."""
    if request.min_score is not None:
        least = request.min_score
        scores = [score for score in scores if score.relevance_score >= least]
    scores = scores[: request.wanted]
    rows: list[dict[str, Any]]
    if request.return_documents:
        # The documents come from the job, not from the answer: users get back what they submitted.
        submitted = request.documents
        rows = [
            {"index": index, "relevance_score": relevance, "document": _document(submitted[index])}
            for index, relevance, _ in scores
        ]
    else:
        rows = [{"index": index, "relevance_score": relevance} for index, relevance, _ in scores]
    if request.raw_scores:
        for row, score in zip(rows, scores, strict=True):
            row["raw_score"] = score.raw
    return rows


def _document(submitted: str | Document) -> dict[str, str]:
    if isinstance(submitted, str):
        return {"text": submitted}
    return submitted.model_dump(exclude_none=True)
