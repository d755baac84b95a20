"""Faults in the content of an answer: each turns the good ranking into a wrong answer."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import log
from typing import Any

from rerankq_sandbox.actions import SpoilAction
from rerankq_sandbox.contract import Question, Ranked, encode
from rerankq_sandbox.dialects import Dialect
from rerankq_sandbox.error_table import typical

Ranking = Sequence[Ranked]


def spoil(
    action: SpoilAction, dialect: Dialect, question: Question, ranking: Ranking, request_id: str
) -> bytes:
    """The answer's bytes, wrong in the way that `action` names.

    Args:
        action: What is to be wrong.
        dialect: The dialect of the answer.
        question: The call.
        ranking: The good ranking; it is not changed.
        request_id: The call's request id.
    """
    if action.kind == "ok_error":
        return dialect.shape.write(typical(500), request_id)
    if action.kind == "null_results":
        return encode(dialect.wrap(question, None, request_id))
    if action.kind == "garbage":
        whole = encode(dialect.answer(question, ranking, request_id))
        return whole[: len(whole) // 2]
    wrong = _SPOILERS[action.kind](question, ranking)
    answer = dialect.answer(question, wrong, request_id)
    return encode(answer, literal_nan=action.kind == "nan")


def _wrong_index(question: Question, ranking: Ranking) -> Ranking:
    return _first(ranking, index=len(question.texts))


def _duplicate(_question: Question, ranking: Ranking) -> Ranking:
    # A single result is sent twice, as there is no other to overwrite.
    return [*(ranking[:-1] or ranking), ranking[0]]


def _short(_question: Question, ranking: Ranking) -> Ranking:
    return ranking[:-1]


def _nan(_question: Question, ranking: Ranking) -> Ranking:
    return _first(ranking, score=float("nan"))


def _wrong_type(_question: Question, ranking: Ranking) -> Ranking:
    return _first(ranking, score=str(ranking[0].score))


def _foreign(_question: Question, ranking: Ranking) -> Ranking:
    return [replace(each, text=f"foreign document {each.index}") for each in ranking]


def _equal_scores(_question: Question, ranking: Ranking) -> Ranking:
    return [replace(each, score=0.5) for each in ranking]


def _reversed_scores(_question: Question, ranking: Ranking) -> Ranking:
    return [replace(each, score=1 - float(each.score)) for each in reversed(ranking)]


def _huge_scores(_question: Question, ranking: Ranking) -> Ranking:
    return [replace(each, score=1e9 * float(each.score)) for each in ranking]


def _logits(_question: Question, ranking: Ranking) -> Ranking:
    return [replace(each, score=_logit(float(each.score))) for each in ranking]


def _logit(probability: float) -> float:
    return log(probability / (1 - probability))


def _first(ranking: Ranking, **changes: Any) -> Ranking:
    return [replace(ranking[0], **changes), *ranking[1:]]


_SPOILERS: dict[str, Callable[[Question, Ranking], Ranking]] = {
    "wrong_index": _wrong_index,
    "duplicate_index": _duplicate,
    "short": _short,
    "nan": _nan,
    "wrong_type": _wrong_type,
    "foreign_documents": _foreign,
    "equal_scores": _equal_scores,
    "reversed_scores": _reversed_scores,
    "huge_scores": _huge_scores,
    "logits": _logits,
}
