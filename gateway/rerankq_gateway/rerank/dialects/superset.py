"""The form of Jina, vLLM and most others: the superset that nearly all clients accept."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from rerankq_gateway.errors import Problem
from rerankq_gateway.rerank.dialects import fields as read
from rerankq_gateway.rerank.dialects.call import Call, Question
from rerankq_gateway.rerank.dialects.ranking import LOGITS_ARE_DERIVED, Ranking, as_logits

_DOCUMENTS_IN_A_SEARCH: Final = 100
"""So many documents are one search unit, as Cohere counts."""


class Superset:
    """Documents come back as objects with a `text`, unless the call says that it wants none."""

    api_version = "1"
    returns_documents = True

    def read(self, fields: Mapping[str, Any]) -> Call:
        """See `Dialect`."""
        documents = read.documents_of(fields)
        texts = read.texts_of(documents, "documents", read.rank_fields_of(fields))
        return Call(
            questions=(Question(read.query_of(fields), texts),),
            documents=documents,
            top_n=read.count_of(fields, "top_n", "top_k"),
            return_documents=read.flag_of(
                fields, "return_documents", default=self.returns_documents
            ),
            wants_logits=wants_logits(fields),
            min_score=read.share_of(fields, "min_score"),
            **said_beside(fields),
        )

    def write(self, call: Call, rankings: Sequence[Ranking]) -> Any:
        """See `Dialect`."""
        (ranking,) = rankings
        rows = as_logits(ranking) if call.wants_logits else ranking.rows
        results: list[dict[str, Any]] = [
            {"index": index, "relevance_score": score} for index, score in rows
        ]
        if call.return_documents:
            for row in results:
                row["document"] = self.document(call, row["index"])
        answer: dict[str, Any] = {
            "id": ranking.job_id,
            "object": "rerank",
            "model": ranking.model,
            "results": results,
        }
        meta: dict[str, Any] = {"api_version": {"version": self.api_version}}
        if ranking.is_degraded:
            answer["degraded"] = True
        else:
            answer["usage"] = usage(ranking.tokens)
            searches = -(-len(call.documents) // _DOCUMENTS_IN_A_SEARCH)
            meta["billed_units"] = {"search_units": searches}
            meta["tokens"] = {"input_tokens": ranking.tokens, "output_tokens": 0}
        if call.wants_logits and ranking.logits is None:
            meta["warnings"] = [LOGITS_ARE_DERIVED]
        answer["meta"] = meta
        return answer

    def document(self, call: Call, index: int) -> Any:
        """A document as the answer repeats it."""
        given = call.documents[index]
        text = {"text": call.questions[0].texts[index]}
        return text if isinstance(given, str) else text | given

    def refusal(self, problem: Problem) -> Problem:
        """See `Dialect`."""
        return problem


def usage(tokens: int) -> dict[str, int]:
    """Tokens as OpenAI's clients read them."""
    return {"prompt_tokens": tokens, "completion_tokens": 0, "total_tokens": tokens}


def wants_logits(fields: Mapping[str, Any]) -> bool:
    """Whether scores are asked for as logits, in TEI's words or vLLM's."""
    if read.flag_of(fields, "raw_scores", default=False):
        return True
    return not read.flag_of(fields, "use_activation", default=True)


def said_beside(fields: Mapping[str, Any]) -> dict[str, Any]:
    """What a call of any form may say beside its query and documents."""
    return {
        "model": read.name_of(fields, "model"),
        "instruction": read.name_of(fields, "instruction"),
        "is_urgent": read.is_urgent(fields),
        "on_failure": read.on_failure_of(fields),
        "timeout": read.timeout_of(fields),
        "reuse": read.flag_of(fields, "reuse", default=True),
    }
