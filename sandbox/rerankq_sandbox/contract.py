"""A rerank call and its ranking, whatever the dialect in which it is asked and answered."""

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
        model: The model's name; empty where the dialect names none.
        query: What the documents are ranked for.
        texts: The documents' texts, in the order of the call.
        top_n: How many results are wanted; None means all.
        with_documents: Whether results carry their document.
    """

    model: str
    query: str
    texts: Sequence[str]
    top_n: int | None = None
    with_documents: bool = True

    @cached_property
    def tokens(self) -> int:
        """What the call costs, estimated; counted when first asked for, which is not cheap."""
        return tokens.load(self.query, self.texts)


@dataclass(frozen=True, slots=True)
class Ranked:
    """One result; what spoils an answer may give it a score that is no number."""

    index: int
    score: float | str
    text: str


def rank(question: Question, scores: Sequence[float]) -> list[Ranked]:
    """Best score first, among equals the earlier document; at most `top_n` of them."""
    best = sorted(range(len(scores)), key=lambda index: -scores[index])[: question.top_n]
    return [Ranked(index, scores[index], question.texts[index]) for index in best]


def encode(answer: Any, *, literal_nan: bool = False) -> bytes:
    """The answer as the bytes that go on the wire."""
    # The standard library writes the literal NaN; orjson would write null.
    return json.dumps(answer, ensure_ascii=False).encode() if literal_nan else orjson.dumps(answer)
