"""Cohere's v2: results without documents, and search units billed."""

from typing import Annotated, Any, Final

from pydantic import Field

from rerankq_sandbox.contract import Question, Ranked
from rerankq_sandbox.dialects.dialect import Asked, Dialect, decode
from rerankq_sandbox.errors import GatewayError
from rerankq_sandbox.shapes import MESSAGE

_MOST_DOCUMENTS: Final = 10_000
_DOCUMENTS_A_UNIT: Final = 100


class _Asked(Asked):
    model: str
    query: Annotated[str, Field(min_length=1)]
    documents: Annotated[tuple[str, ...], Field(min_length=1)]
    top_n: Annotated[int, Field(ge=1)] | None = None
    max_tokens_per_doc: Annotated[int, Field(ge=1)] | None = None


def _read(body: bytes) -> Question:
    asked = decode(_Asked, body)
    if len(asked.documents) > _MOST_DOCUMENTS:
        raise GatewayError(400, f"too many documents: the maximum is {_MOST_DOCUMENTS}")
    return Question(asked.model, asked.query, asked.documents, asked.top_n, with_documents=False)


def _entry(_question: Question, ranked: Ranked) -> dict[str, Any]:
    return {"index": ranked.index, "relevance_score": ranked.score}


def _wrap(question: Question, entries: list[dict[str, Any]] | None, request_id: str) -> Any:
    units = -(-len(question.texts) // _DOCUMENTS_A_UNIT)
    meta = {"api_version": {"version": "2"}, "billed_units": {"search_units": units}}
    return {"id": request_id, "results": entries, "meta": meta}


COHERE: Final = Dialect("/v2/rerank", _read, _entry, _wrap, MESSAGE)
