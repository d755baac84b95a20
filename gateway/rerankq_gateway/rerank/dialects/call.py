"""A rerank call in the form that all dialects are read into."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

OnFailure = Literal["error", "original_order"]


class Question(NamedTuple):
    """A query and the documents to rank for it: one job."""

    query: str
    texts: Sequence[str]


@dataclass(frozen=True, slots=True)
class Call:
    """What a caller asks for.

    Attributes:
        questions: one; several when a list of pairs is to be scored.
        documents: the documents of the first question as they were given, for the answer.
        top_n: how many of the best to return; None for all.
        return_documents: whether the answer has the documents.
        model: None for the default.
        instruction: task description, for models that take one.
        is_urgent: whether it goes to the interactive lane.
        on_failure: what to answer when no ranking comes; None when the call does not say.
        timeout: seconds that the caller waits, by the body; None when it does not say.
        reuse: whether scores of earlier calls may be used.
        wants_logits: whether scores are asked for as logits, in place of probabilities.
        min_score: documents with a lower probability are left out; None for none.
        spelt: what the caller names `query` and `documents`.
    """

    questions: tuple[Question, ...]
    documents: Sequence[Any]
    top_n: int | None = None
    return_documents: bool = False
    model: str | None = None
    instruction: str | None = None
    is_urgent: bool = True
    on_failure: OnFailure | None = None
    timeout: float | None = None
    wants_logits: bool = False
    min_score: float | None = None
    reuse: bool = True
    spelt: tuple[str, str] = ("query", "documents")
