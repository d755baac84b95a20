"""Text Embeddings Inference: `texts` without a model, answered by a bare list."""

from typing import Annotated, Any, Final

from pydantic import Field

from rerankq_sandbox.contract import Question, Ranked
from rerankq_sandbox.dialects.dialect import Asked, Dialect, decode
from rerankq_sandbox.errors import GatewayError
from rerankq_sandbox.shapes import TEI as TEI_SHAPE

_MOST_TEXTS: Final = 32
_MOST_BYTES: Final = 2_000_000


class _Asked(Asked):
    query: Annotated[str, Field(min_length=1)]
    texts: Annotated[tuple[str, ...], Field(min_length=1)]
    raw_scores: bool = False
    return_text: bool = False
    truncate: bool | None = None


def _read(body: bytes) -> Question:
    asked = decode(_Asked, body, status=422, kind="Validation")
    if len(asked.texts) > _MOST_TEXTS:
        told = f"batch size {len(asked.texts)} > maximum allowed batch size {_MOST_TEXTS}"
        raise GatewayError(422, told, kind="Validation")
    return Question("", asked.query, asked.texts, with_documents=asked.return_text)


def _entry(question: Question, ranked: Ranked) -> dict[str, Any]:
    entry: dict[str, Any] = {"index": ranked.index, "score": ranked.score}
    return entry | {"text": ranked.text} if question.with_documents else entry


def _wrap(_question: Question, entries: list[dict[str, Any]] | None, _request_id: str) -> Any:
    return entries


TEI: Final = Dialect("/rerank", _read, _entry, _wrap, TEI_SHAPE, _MOST_BYTES)
