"""What a vendor's way of asking and answering has to say."""

import math
from collections.abc import Iterable
from typing import Any, Protocol

from rerankq.contract import RerankRequest
from rerankq_worker.upstream import Answer, Malformed, Score


class Dialect(Protocol):
    """One vendor's request and answer."""

    def encode(self, request: RerankRequest) -> bytes:
        """The body to post."""
        ...

    def decode(self, body: Any, request: RerankRequest, request_id: str | None) -> Answer:
        """Read the decoded JSON of an answer with status 200.

        Raises:
            Malformed: the answer is incomplete or contradicts itself.
        """
        ...


def checked_scores(rows: Iterable[tuple[Any, Any]], request: RerankRequest) -> list[Score]:
    """The (index, score) rows of an answer as scores, best first.

    Raises:
        Malformed: an index is out of range or comes twice, a score is no finite number, or
            there are fewer rows than were asked for.
    """
    documents, seen, scores = len(request.documents), set(), []
    for index, score in rows:
        if type(index) is not int or not 0 <= index < documents:
            raise Malformed("the upstream answered with an index out of range")
        if index in seen:
            raise Malformed("the upstream answered with an index twice")
        if not _is_number(score) or not math.isfinite(score):
            raise Malformed("the upstream answered with a score that is no finite number")
        seen.add(index)
        scores.append(Score(index, float(score)))
    if len(scores) < request.wanted:
        raise Malformed(f"the upstream answered with {len(scores)} of {request.wanted} results")
    scores.sort(key=_best_first)
    return scores


def _best_first(score: Score) -> tuple[float, int]:
    return -score.relevance_score, score.index


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def token_count(value: Any) -> int:
    """A figure of the upstream's usage; 0 where it is missing or no count."""
    return value if type(value) is int and value >= 0 else 0
