"""What a test lets the fake upstream answer: scores or failures, and the ranking made of them."""

import inspect
import math
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TypeAlias

from rerankq.contract import Document, Job, RankedDocument, RerankRequest
from rerankq.errors import JobFailed
from rerankq.testing.threads import DaemonThreads


class Retryable(Exception):
    """The fake upstream fails this time: the job is tried again.

    Args:
        reason: the code that `rerankq status` shows, and `JobFailed.reason` once attempts run out.
        status: HTTP status, if there was one.
        delay_seconds: until the job may be tried again; the ledger looks twice a second.
        uses_attempt: whether it counts as an attempt: throttling does not.
    """

    def __init__(
        self,
        reason: str = "upstream_unavailable",
        *,
        status: int | None = 503,
        delay_seconds: float = 0.0,
        uses_attempt: bool = True,
    ) -> None:
        super().__init__(f"the fake upstream is to fail with {reason}")
        self.reason = reason
        self.status = status
        self.delay_seconds = delay_seconds
        self.uses_attempt = uses_attempt


Verdict: TypeAlias = Sequence[float] | Retryable | JobFailed
Scores: TypeAlias = Callable[[str, Sequence[str]], Verdict | Awaitable[Verdict]]
"""Gives each document a score for a query: a function or a coroutine function.

`Retryable` and `rerankq.errors.JobFailed`, raised or returned, stand for an upstream that fails.
"""


def shared_words(query: str, documents: Sequence[str]) -> list[float]:
    """The share of the query's words that a document has: enough when scores do not matter."""
    wanted = set(query.lower().split())
    return [len(wanted & set(text.lower().split())) / len(wanted) for text in documents]


async def ranked(job: Job, scores: Scores, threads: DaemonThreads) -> tuple[RankedDocument, ...]:
    """Rank a job's documents.

    Raises:
        Retryable, JobFailed: as `scores` says.
        ValueError: it does not give one finite score for each document.
    """
    request, texts = job.request, job.request.texts()
    if inspect.iscoroutinefunction(scores):
        verdict: Verdict = await scores(request.query, texts)
    else:
        # In a thread, because it may wait for something that the test does meanwhile.
        given = await threads.call(partial(scores, request.query, texts))
        verdict = await given if isinstance(given, Awaitable) else given
    if isinstance(verdict, Exception):
        raise verdict
    if len(verdict) != len(texts) or not all(map(math.isfinite, verdict)):
        raise ValueError(f"{len(texts)} documents need as many finite scores")
    best_first = sorted(range(len(texts)), key=lambda index: -verdict[index])
    if request.min_score is not None:
        best_first = [index for index in best_first if verdict[index] >= request.min_score]
    return tuple(
        RankedDocument(
            index=index,
            relevance_score=float(verdict[index]),
            raw_score=float(verdict[index]) if request.raw_scores else None,
            document=_document(request, index),
        )
        for index in best_first[: request.wanted]
    )


def _document(request: RerankRequest, index: int) -> Document | None:
    if not request.return_documents:
        return None
    submitted = request.documents[index]
    return Document(text=submitted) if isinstance(submitted, str) else submitted
