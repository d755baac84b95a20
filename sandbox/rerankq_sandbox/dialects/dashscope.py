"""DashScope: the request in `input` and `parameters`, the results in `output`."""

from typing import Annotated, Any, Final

from pydantic import Field

from rerankq.cost import tokens
from rerankq_sandbox.contract import Question, Ranked
from rerankq_sandbox.dialects.dialect import Asked, Dialect, decode, too_long
from rerankq_sandbox.errors import GatewayError
from rerankq_sandbox.shapes import DASHSCOPE as DASHSCOPE_SHAPE

_MOST_DOCUMENTS: Final = 500
_MOST_TOKENS: Final = 4000
_WRONG: Final = "InvalidParameter"


class _Input(Asked):
    query: Annotated[str, Field(min_length=1)]
    documents: Annotated[tuple[str, ...], Field(min_length=1)]


class _Parameters(Asked):
    top_n: Annotated[int, Field(ge=1)] | None = None
    return_documents: bool = False


class _Asked(Asked):
    model: Annotated[str, Field(min_length=1)]
    input: _Input
    parameters: _Parameters = _Parameters()


def _read(body: bytes) -> Question:
    asked = decode(_Asked, body, code=_WRONG)
    given, parameters = asked.input, asked.parameters
    if len(given.documents) > _MOST_DOCUMENTS:
        told = f"input.documents: at most {_MOST_DOCUMENTS} are allowed"
        raise GatewayError(400, told, _WRONG)
    if any(too_long("", text, _MOST_TOKENS, tokens.estimate) for text in given.documents):
        told = f"input.documents: at most {_MOST_TOKENS} tokens each are allowed"
        raise GatewayError(400, told, _WRONG)
    return Question(
        asked.model, given.query, given.documents, parameters.top_n, parameters.return_documents
    )


def _entry(question: Question, ranked: Ranked) -> dict[str, Any]:
    entry: dict[str, Any] = {"index": ranked.index, "relevance_score": ranked.score}
    return entry | {"document": {"text": ranked.text}} if question.with_documents else entry


def _wrap(question: Question, entries: list[dict[str, Any]] | None, request_id: str) -> Any:
    usage = {"total_tokens": question.tokens}
    return {"output": {"results": entries}, "usage": usage, "request_id": request_id}


DASHSCOPE: Final = Dialect(
    "/api/v1/services/rerank/text-rerank/text-rerank", _read, _entry, _wrap, DASHSCOPE_SHAPE
)
