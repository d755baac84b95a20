"""Jobs made from a number, so that the right answer to each can be computed."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from rerankq.contract import Job, RerankRequest
from rerankq_sandbox.bigram import match, terms_of
from rerankq_sandbox.scoring import to_unit

PREFIX: Final = "n"


def numbered_job(number: int, mark: str = "", *, documents: int = 3) -> Job:
    """Job `number`; its query contains `mark`, for faults that only some jobs meet."""
    query = f"question {number} on rivers {mark}".strip()
    request = RerankRequest(
        query=query, documents=_documents(number, documents), top_n=2 + number % 2
    )
    return Job(id=f"{PREFIX}{number}", request=request, metadata={"number": str(number)})


def what_is_wrong(job: Job, result: Mapping[str, Any]) -> str | None:
    """Why `result` is not the ranking of this job; None if it is."""
    if result["job_id"] != job.id or result["metadata"] != job.metadata:
        return f"{job.id}: another job's result"
    texts = job.request.texts()
    rows = [
        (
            row["index"],
            row["document"]["text"] if job.request.return_documents else texts[row["index"]],
            row["relevance_score"],
        )
        for row in result["results"]
    ]
    right = ranking(job.request)
    if [row[:2] for row in rows] != [row[:2] for row in right]:
        return f"{job.id}: other documents than were submitted, or in the wrong order"
    if not all(math.isclose(got[2], due[2]) for got, due in zip(rows, right, strict=True)):
        return f"{job.id}: scores that belong to other documents"
    return None


def ranking(request: RerankRequest) -> Sequence[tuple[int, str, float]]:
    """What the stand-in's bigram scorer must answer: index, text and score, best first."""
    terms = terms_of(request.query)
    rows = [
        (index, text, to_unit(match(terms, text))) for index, text in enumerate(request.texts())
    ]
    return sorted(rows, key=lambda row: -row[2])[: request.wanted]


def _documents(number: int, count: int) -> tuple[str, ...]:
    return (
        f"paper {number} about mountains",
        *(f"paper {number} about mountain {other}" for other in range(count - 3)),
        f"answer to question {number} on rivers",
        f"question {number}, asked again",
    )
