"""Voyage: `top_k`, `data`, and documents as bare strings."""

from typing import Annotated, Any, Final

from pydantic import Field

from rerankq_sandbox.contract import RERANK_PATH, Question, Ranked
from rerankq_sandbox.dialects.dialect import Asked, Dialect, decode
from rerankq_sandbox.errors import GatewayError
from rerankq_sandbox.shapes import DETAIL

_MOST_DOCUMENTS: Final = 1000


class _Asked(Asked):
    model: Annotated[str, Field(min_length=1)]
    query: Annotated[str, Field(min_length=1)]
    documents: Annotated[tuple[str, ...], Field(min_length=1)]
    top_k: Annotated[int, Field(ge=1)] | None = None
    return_documents: bool = False
    truncation: bool = True


def _read(body: bytes) -> Question:
    asked = decode(_Asked, body)
    if len(asked.documents) > _MOST_DOCUMENTS:
        raise GatewayError(400, f"The number of documents cannot exceed {_MOST_DOCUMENTS}.")
    return Question(asked.model, asked.query, asked.documents, asked.top_k, asked.return_documents)


def _entry(question: Question, ranked: Ranked) -> dict[str, Any]:
    entry: dict[str, Any] = {"relevance_score": ranked.score, "index": ranked.index}
    return entry | {"document": ranked.text} if question.with_documents else entry


def _wrap(question: Question, entries: list[dict[str, Any]] | None, _request_id: str) -> Any:
    usage = {"total_tokens": question.tokens}
    return {"object": "list", "data": entries, "model": question.model, "usage": usage}


VOYAGE: Final = Dialect(RERANK_PATH, _read, _entry, _wrap, DETAIL)
