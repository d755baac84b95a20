"""Jina: the format that DMXAPI adopted, but with a real usage."""

from typing import Any, Final

from rerankq_sandbox.contract import RERANK_PATH, Question
from rerankq_sandbox.dialects.dialect import Dialect
from rerankq_sandbox.dialects.dmxapi import DMXAPI
from rerankq_sandbox.shapes import DETAIL


def _wrap(question: Question, entries: list[dict[str, Any]] | None, _request_id: str) -> Any:
    usage = {"total_tokens": question.tokens}
    return {"model": question.model, "usage": usage, "results": entries}


JINA: Final = Dialect(RERANK_PATH, DMXAPI.read, DMXAPI.entry, _wrap, DETAIL)
