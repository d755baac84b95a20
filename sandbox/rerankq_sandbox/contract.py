"""A rerank call and its ranking, independent of the dialect."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import orjson

from rerankq.cost import tokens

RERANK_PATH = "/v1/rerank"


@dataclass(frozen=True)
class Question:
    """One rerank call.

    Attributes:
        model: The model's name; empty if the dialect names none.
        query: What the documents are ranked for.
        texts: The documents' texts, in the order of the call.
        top_n: How many results are wanted; None means all.
        with_documents: Whether results carry their document.
        queries: The query of each text, if each has its own; `query` then has them all.
    """

    model: str
    query: str
    texts: Sequence[str]
    top_n: int | None = None
    with_documents: bool = True
    queries: Sequence[str] = ()

    @cached_property
    def tokens(self) -> int:
        """The call's estimated tokens; counted at the first use, because counting is not cheap."""
        return sum(tokens.load(query, texts) for query, texts in self.lists())

    def lists(self) -> list[tuple[str, Sequence[str]]]:
        """Each query with the texts that are ranked for it, in the order of the call."""
        if not self.queries:
            return [(self.query, self.texts)]
        return [(query, [text]) for query, text in zip(self.queries, self.texts, strict=True)]


@dataclass(frozen=True, slots=True)
class Ranked:
    """One result; a spoiled answer may have a score that is no number."""

    index: int
    score: float | str
    text: str


def rank(question: Question, scores: Sequence[float]) -> list[Ranked]:
    """The results, best score first, equal scores in the documents' order; at most `top_n`."""
    best = sorted(range(len(scores)), key=lambda index: -scores[index])[: question.top_n]
    return [Ranked(index, scores[index], question.texts[index]) for index in best]


def encode(answer: Any, *, literal_nan: bool = False) -> bytes:
    """The answer as the bytes that go on the wire."""
    # The standard library writes the literal NaN; orjson would write null.
    return json.dumps(answer, ensure_ascii=False).encode() if literal_nan else orjson.dumps(answer)
