"""vLLM's form of scoring: pairs of texts, one with many or many with as many."""

import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

from rerankq.errors import InvalidRequest
from rerankq_gateway.errors import Problem
from rerankq_gateway.rerank.dialects import fields as read
from rerankq_gateway.rerank.dialects.call import Call, Question
from rerankq_gateway.rerank.dialects.ranking import Ranking, as_logits
from rerankq_gateway.rerank.dialects.superset import said_beside, usage, wants_logits

_SIDES: Final = (
    ("queries", "documents"),
    ("queries", "items"),
    ("text_1", "text_2"),
    ("data_1", "data_2"),
    ("query", "documents"),
)
MOST_PAIRS: Final = 1_000
"""Each pair with a query of its own is a job of its own."""


class Score:
    """The scores come in the order of the pairs, under `data`."""

    def read(self, fields: Mapping[str, Any]) -> Call:
        """See `Dialect`."""
        first, second = next(
            (sides for sides in _SIDES if all(fields.get(name) is not None for name in sides)),
            _SIDES[0],
        )
        queries = read.texts_of(read.documents_of(fields, first), first)
        documents = read.documents_of(fields, second)
        texts = read.texts_of(documents, second)
        return Call(
            questions=_questions(queries, texts, first, second),
            documents=documents,
            wants_logits=wants_logits(fields),
            spelt=(first, second),
            **said_beside(fields),
        )

    def write(self, call: Call, rankings: Sequence[Ranking]) -> Any:
        """See `Dialect`."""
        scored = [as_logits(each) if call.wants_logits else each.rows for each in rankings]
        if len(scored) == 1:
            rows = sorted(scored[0])
        else:
            rows = [row._replace(place=pair) for pair, each in enumerate(scored) for row in each]
        answer: dict[str, Any] = {
            "id": rankings[0].job_id,
            "object": "list",
            "created": int(time.time()),
            "model": rankings[0].model,
            "data": [{"index": index, "object": "score", "score": score} for index, score in rows],
        }
        if any(each.is_degraded for each in rankings):
            return answer | {"degraded": True}
        return answer | {"usage": usage(sum(each.tokens for each in rankings))}

    def refusal(self, problem: Problem) -> Problem:
        """See `Dialect`."""
        return problem


def _questions(
    queries: list[str], texts: list[str], first: str, second: str
) -> tuple[Question, ...]:
    if len(queries) == 1:
        return (Question(queries[0], texts),)
    if len(queries) != len(texts):
        raise InvalidRequest(first, f"must be one text, or as many as {second} has: {len(texts):,}")
    if len(queries) > MOST_PAIRS:
        raise InvalidRequest(first, f"has more than {MOST_PAIRS:,} texts: split the call")
    return tuple(Question(query, [text]) for query, text in zip(queries, texts, strict=True))
