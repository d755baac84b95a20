"""The job's logic: one attempt, and what follows from it. Knows no Celery, Redis or httpx."""

import asyncio
import logging
import time
from dataclasses import dataclass
from typing import Any, Final

import orjson

from rerankq.contract import CONTRACT_VERSION, Document, Job, RerankRequest
from rerankq.cost.tokens import load
from rerankq.errors import JobFailed
from rerankq.ledger.failures import NO_PAST, Past
from rerankq_worker.jobs.retry import RetryAfter, RetryPolicy
from rerankq_worker.upstream.port import Answer, Upstream, UpstreamError

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Succeeded:
    """The job has its ranking.

    Attributes:
        result: a `RerankResult` as JSON.
        attempts: attempts used in all.
    """

    result: bytes
    attempts: int


@dataclass(frozen=True, slots=True)
class Failed:
    """The job will have none.

    Attributes:
        said: the upstream's last words, for the dead letter alone: they may hold the request.
    """

    end: JobFailed
    attempts: int
    said: str = ""


LARGE_CHARACTERS: Final = 1_000_000

Outcome = Succeeded | Failed | RetryAfter


async def rerank(
    job: Job, *, attempts: int, waited_seconds: float, upstream: Upstream, tokens: int = 0
) -> Succeeded:
    """Make one attempt at a job.

    Args:
        job: what to rank.
        attempts: attempts used before this one.
        waited_seconds: time since the job might run for the first time.
        upstream: whom to ask.
        tokens: what `estimated_tokens` gave of it; 0 where it was not asked yet.

    Raises:
        UpstreamError: there is no ranking: see `consequence`.
    """
    started = time.monotonic()
    try:
        answer = await upstream.ask(job.id, attempts + 1, job.request)
    except UpstreamError as error:
        # Most messages name the upstream's id of the call themselves.
        request_id = error.request_id if (error.request_id or "") not in str(error) else None
        known = {"status": error.status, "cause": error.cause, "request id": request_id}
        details = ", ".join(f"{name} {value}" for name, value in known.items() if value)
        named = f"{error.code} ({details})" if details else error.code
        log.info("job %s, attempt %d: %s: %s", job.id, attempts + 1, named, error)
        raise
    timings = {
        "waited_seconds": round(waited_seconds, 3),
        "upstream_seconds": round(time.monotonic() - started, 3),
    }
    estimated = tokens or await estimated_tokens(job.request)
    return Succeeded(_result(job, answer, attempts + 1, timings, estimated), attempts + 1)


def consequence(
    job_id: str,
    error: UpstreamError,
    policy: RetryPolicy,
    attempts: int,
    age_seconds: float,
    past: Past = NO_PAST,
) -> Failed | RetryAfter:
    """What an error comes to for its job."""
    decision = policy.decide(error, attempts=attempts, age_seconds=age_seconds, past=past)
    if isinstance(decision, RetryAfter):
        return decision
    tried = f" after {decision.attempts} attempts" if decision.attempts > 1 else ""
    where = f"; `rerankq dead show {job_id}` shows what it said" if error.said else ""
    end = JobFailed(
        error.code,
        f"{error}{tried}{where}",
        status=error.status,
        request_id=error.request_id,
        attempts=decision.attempts,
    )
    return Failed(end, decision.attempts, error.said)


async def estimated_tokens(request: RerankRequest) -> int:
    """How many tokens a call is reckoned to cost."""
    texts = request.texts()
    if sum(map(len, texts)) < LARGE_CHARACTERS:
        return load(request.query, texts)
    # Millions of characters take a while to count: other jobs must not wait for that.
    return await asyncio.to_thread(load, request.query, texts)


def _result(
    job: Job, answer: Answer, attempts: int, timings: dict[str, float], estimated_tokens: int
) -> bytes:
    """What `RerankResult.encode` would give, without the objects: they cost six times as much."""
    request = job.request
    rows: list[dict[str, Any]] = [
        {"index": score.index, "relevance_score": score.relevance_score}
        for score in answer.scores[: request.wanted]
    ]
    if request.return_documents:
        # The documents come from the job, not from the answer: what was submitted comes back.
        for row in rows:
            row["document"] = _document(request.documents[row["index"]])
    result = {
        "version": CONTRACT_VERSION,
        "job_id": job.id,
        "model": request.model,
        "results": rows,
        "usage": {
            "prompt_tokens": answer.prompt_tokens,
            "total_tokens": answer.total_tokens,
            "estimated_tokens": estimated_tokens,
        },
        "attempts": attempts,
        "timings": timings,
    }
    if answer.request_id is not None:
        result["request_id"] = answer.request_id
    return orjson.dumps(result | {"metadata": job.metadata})


def _document(submitted: str | Document) -> dict[str, str]:
    if isinstance(submitted, str):
        return {"text": submitted}
    return submitted.model_dump(exclude_none=True)
