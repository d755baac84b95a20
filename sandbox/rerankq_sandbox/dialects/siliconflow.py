"""SiliconFlow: an instruction for Qwen3, and the usage in one of two places.

Observed answers have `meta.tokens`; its documentation shows `tokens` at the top level.
"""

from typing import Annotated, Any, Final

from pydantic import Field

from rerankq_sandbox.contract import RERANK_PATH, Question, Ranked
from rerankq_sandbox.dialects.dialect import Asked, Dialect, decode
from rerankq_sandbox.errors import GatewayError
from rerankq_sandbox.shapes import FLAT

_WRONG_PARAMETER: Final = 20015


class _Asked(Asked):
    model: Annotated[str, Field(min_length=1)]
    query: Annotated[str, Field(min_length=1)]
    documents: Annotated[tuple[str, ...], Field(min_length=1)]
    instruction: str | None = None
    top_n: Annotated[int, Field(ge=1)] | None = None
    return_documents: bool = False


def _read(body: bytes) -> Question:
    asked = decode(_Asked, body, code=_WRONG_PARAMETER)
    if asked.instruction is not None and "qwen3" not in asked.model.lower():
        raise GatewayError(400, "instruction: only for Qwen3 models", _WRONG_PARAMETER)
    return Question(asked.model, asked.query, asked.documents, asked.top_n, asked.return_documents)


def _entry(question: Question, ranked: Ranked) -> dict[str, Any]:
    entry: dict[str, Any] = {"index": ranked.index, "relevance_score": ranked.score}
    return {"document": {"text": ranked.text}} | entry if question.with_documents else entry


def _tokens(question: Question) -> dict[str, int]:
    return {"input_tokens": question.tokens, "output_tokens": 0}


def _wrap(question: Question, entries: list[dict[str, Any]] | None, request_id: str) -> Any:
    units = _tokens(question) | {"search_units": 0, "classifications": 0}
    meta = {"billed_units": units, "tokens": _tokens(question)}
    return {"id": request_id, "results": entries, "meta": meta}


def _wrap_as_documented(
    question: Question, entries: list[dict[str, Any]] | None, request_id: str
) -> Any:
    return {"id": request_id, "results": entries, "tokens": _tokens(question)}


SILICONFLOW: Final = Dialect(RERANK_PATH, _read, _entry, _wrap, FLAT)
SILICONFLOW_AS_DOCUMENTED: Final = Dialect(RERANK_PATH, _read, _entry, _wrap_as_documented, FLAT)
