"""vLLM's server: documents as objects, real usage, 400 for texts over the model's context."""

from collections.abc import Iterable
from typing import Annotated, Any, Final

from pydantic import Field

from rerankq.cost import tokens
from rerankq_sandbox.contract import RERANK_PATH, Question, Ranked
from rerankq_sandbox.dialects.dialect import Asked, Dialect, decode, too_long
from rerankq_sandbox.error_table import ERRORS
from rerankq_sandbox.shapes import OPENAI

_CONTEXT_TOKENS: Final = 32_768


class _Asked(Asked):
    model: Annotated[str, Field(min_length=1)]
    query: str
    documents: tuple[str, ...]
    # 0 means all, by its documentation.
    top_n: Annotated[int, Field(ge=0)] = 0
    truncate_prompt_tokens: Annotated[int, Field(ge=-1)] | None = None


def _read(body: bytes) -> Question:
    asked = decode(_Asked, body, code=400, kind="BadRequestError")
    if asked.truncate_prompt_tokens is None:
        check_context((asked.query, text) for text in asked.documents)
    return Question(asked.model, asked.query, asked.documents, asked.top_n or None)


def check_context(pairs: Iterable[tuple[str, str]]) -> None:
    """Refuse pairs of query and document of which one is over the model's context.

    Raises:
        GatewayError: one is.
    """
    if any(too_long(query, text, _CONTEXT_TOKENS, tokens.estimate) for query, text in pairs):
        raise ERRORS["context_overflow"].refusal()


def _entry(_question: Question, ranked: Ranked) -> dict[str, Any]:
    document = {"text": ranked.text, "multi_modal": None}
    return {"index": ranked.index, "document": document, "relevance_score": ranked.score}


def _wrap(question: Question, entries: list[dict[str, Any]] | None, request_id: str) -> Any:
    usage = {"prompt_tokens": question.tokens, "total_tokens": question.tokens}
    identity = {"id": f"rerank-{request_id}", "model": question.model}
    return identity | {"usage": usage, "results": entries}


VLLM: Final = Dialect(RERANK_PATH, _read, _entry, _wrap, OPENAI)
