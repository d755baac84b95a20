"""DMXAPI and its family: Jina's shape, as the vendor's document shows it."""

from typing import Annotated, Any, Final

from pydantic import Field

from rerankq_sandbox.contract import RERANK_PATH, Question, Ranked
from rerankq_sandbox.dialects.dialect import Asked, Dialect, decode
from rerankq_sandbox.shapes import GATEWAY

# The vendor reports no usage: every figure is 0, and the details are empty objects.
_USAGE: Final = {
    "prompt_tokens": 0,
    "completion_tokens": 0,
    "total_tokens": 0,
    "prompt_tokens_details": {"cached_tokens_details": {}},
    "completion_tokens_details": {},
}

Text = Annotated[str, Field(min_length=1)]


class _TextDocument(Asked):
    text: str


class _Asked(Asked):
    model: Text
    query: Text
    documents: Annotated[tuple[str | _TextDocument, ...], Field(min_length=1)]
    top_n: Annotated[int, Field(ge=1)] | None = None
    return_documents: bool | None = True


def _read(body: bytes) -> Question:
    asked = decode(_Asked, body)
    texts = [item if isinstance(item, str) else item.text for item in asked.documents]
    with_documents = asked.return_documents is not False
    return Question(asked.model, asked.query, texts, asked.top_n, with_documents)


def _entry(question: Question, ranked: Ranked) -> dict[str, Any]:
    entry: dict[str, Any] = {"index": ranked.index, "relevance_score": ranked.score}
    return {"document": {"text": ranked.text}} | entry if question.with_documents else entry


def _wrap(_question: Question, entries: list[dict[str, Any]] | None, _request_id: str) -> Any:
    return {"results": entries, "usage": _USAGE}


DMXAPI: Final = Dialect(RERANK_PATH, _read, _entry, _wrap, GATEWAY)
