"""The form of Hugging Face's text-embeddings-inference: `texts` in the call, a bare list back."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from rerankq_gateway.errors import Problem
from rerankq_gateway.rerank.dialects import fields as read
from rerankq_gateway.rerank.dialects.call import Call, Question
from rerankq_gateway.rerank.dialects.ranking import Ranking, as_logits
from rerankq_gateway.rerank.dialects.superset import said_beside, wants_logits

_ERROR_TYPES: Final = {
    401: "Unauthorized",
    413: "Validation",
    422: "Validation",
    429: "Overloaded",
    503: "Unhealthy",
}
"""Its own names; every other error is of its `Backend`."""


class Tei:
    """Scores are under `score`; errors are a text under `error`, with an `error_type`."""

    def read(self, fields: Mapping[str, Any]) -> Call:
        """See `Dialect`."""
        documents = read.documents_of(fields, "texts")
        return Call(
            questions=(Question(read.query_of(fields), read.texts_of(documents, "texts")),),
            documents=documents,
            top_n=read.count_of(fields, "top_n"),
            return_documents=read.flag_of(fields, "return_text", default=False),
            wants_logits=wants_logits(fields),
            min_score=read.share_of(fields, "min_score"),
            spelt=("query", "texts"),
            **said_beside(fields),
        )

    def write(self, call: Call, rankings: Sequence[Ranking]) -> Any:
        """See `Dialect`."""
        (ranking,) = rankings
        rows = as_logits(ranking) if call.wants_logits else ranking.rows
        if not call.return_documents:
            return [{"index": index, "score": score} for index, score in rows]
        texts = call.questions[0].texts
        return [{"index": index, "text": texts[index], "score": score} for index, score in rows]

    def refusal(self, problem: Problem) -> Problem:
        """See `Dialect`."""
        kind = _ERROR_TYPES.get(problem.status, "Backend")
        members = {"error": problem.message, "error_type": kind}
        return replace(problem, members={**problem.members, **members})
