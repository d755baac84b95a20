"""Faults in the content of an answer: each takes the good answer and returns wrong bytes."""

import json
from collections.abc import Callable
from typing import Any

from rerankq_worker.sandbox.actions import SpoilAction
from rerankq_worker.sandbox.contract import encode
from rerankq_worker.sandbox.errors import error_body, typical

Answer = dict[str, Any]


def spoil(action: SpoilAction, answer: Answer, documents: int, request_id: str) -> bytes:
    """The answer's bytes, wrong in the way that `action` names.

    Args:
        action: Which way.
        answer: The good answer; it is left as it is.
        documents: How many documents the call had.
        request_id: Goes into an error body.
    """
    if action.kind == "ok_error":
        return error_body(typical(500), request_id)
    if action.kind == "wrong_index":
        return _with_results(answer, lambda results: _first(results, index=documents))
    return _SPOILERS[action.kind](answer)


def _garbage(answer: Answer) -> bytes:
    whole = encode(answer)
    return whole[: len(whole) // 2]


def _duplicate(answer: Answer) -> bytes:
    # With a single result there is no other to overwrite: it comes twice.
    return _with_results(answer, lambda results: [*(results[:-1] or results), results[0]])


def _short(answer: Answer) -> bytes:
    return _with_results(answer, lambda results: results[:-1])


def _nan(answer: Answer) -> bytes:
    spoiled = {**answer, "results": _first(answer["results"], relevance_score=float("nan"))}
    # The standard library writes the literal NaN; orjson would write null.
    return json.dumps(spoiled, ensure_ascii=False).encode()


def _with_results(answer: Answer, change: Callable[[list[Answer]], list[Answer]]) -> bytes:
    return encode({**answer, "results": change(answer["results"])})


def _first(results: list[Answer], **changes: float) -> list[Answer]:
    return [{**results[0], **changes}, *results[1:]]


_SPOILERS: dict[str, Callable[[Answer], bytes]] = {
    "garbage": _garbage,
    "duplicate_index": _duplicate,
    "short": _short,
    "nan": _nan,
}
