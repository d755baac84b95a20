"""vLLM's scores of pairs: one text with each of a list, or two lists pair by pair, as `data`."""

from typing import Annotated, Any, Final

from pydantic import Field

from rerankq_sandbox.contract import Question, Ranked
from rerankq_sandbox.dialects.dialect import Asked, Dialect, decode
from rerankq_sandbox.dialects.vllm import check_context
from rerankq_sandbox.errors import GatewayError
from rerankq_sandbox.shapes import OPENAI

_Texts = Annotated[tuple[str, ...], Field(min_length=1)]


class _Asked(Asked):
    model: Annotated[str, Field(min_length=1)]
    text_1: str | _Texts
    text_2: str | _Texts
    truncate_prompt_tokens: Annotated[int, Field(ge=-1)] | None = None


def _read(body: bytes) -> Question:
    asked = decode(_Asked, body, code=400, kind="BadRequestError")
    first, second = _listed(asked.text_1), _listed(asked.text_2)
    queries = first * len(second) if len(first) == 1 else first
    if len(queries) != len(second):
        told = "Input lengths must be either 1:1, 1:N or N:N"
        raise GatewayError(400, told, 400, "BadRequestError")
    if asked.truncate_prompt_tokens is None:
        check_context(zip(queries, second, strict=True))
    own = queries if len(first) > 1 else ()
    return Question(asked.model, "\n".join(first), second, queries=own)


def _listed(texts: str | tuple[str, ...]) -> tuple[str, ...]:
    return (texts,) if isinstance(texts, str) else texts


def _entry(_question: Question, ranked: Ranked) -> dict[str, Any]:
    return {"index": ranked.index, "object": "score", "score": ranked.score}


def _wrap(question: Question, entries: list[dict[str, Any]] | None, request_id: str) -> Any:
    usage = {"prompt_tokens": question.tokens, "total_tokens": question.tokens}
    identity = {"id": f"score-{request_id}", "object": "list", "model": question.model}
    # In the order of the pairs, and not best first.
    data = entries and sorted(entries, key=lambda entry: int(entry["index"]))
    return identity | {"data": data, "usage": usage}


VLLM_SCORE: Final = Dialect("/score", _read, _entry, _wrap, OPENAI)
