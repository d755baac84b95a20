"""How much one call to a site may have: documents, tokens and bytes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

import orjson

from rerankq.contract import RerankRequest
from rerankq.cost.tokens import estimate

BYTES_AROUND: Final = 512
"""Bytes of a call's JSON besides its texts: names, options, quotation marks, and some to spare."""
LEAST_CALL_BYTES: Final = 4096
"""The smallest limit of bytes that may be set: a call has a query and names besides documents."""
MOST_BYTES_A_CHARACTER: Final = 6
"""In JSON, which writes a control character as \\u0001."""


@dataclass(frozen=True, slots=True)
class CallLimits:
    """The limits of one call; None where there is none, or none is known.

    Attributes:
        documents: how many documents it may have.
        tokens: how many tokens it may cost, by `cost.tokens`: the query once with each document.
        bytes: how long its JSON may be.
    """

    documents: int | None = None
    tokens: int | None = None
    bytes: int | None = None

    def within(self, other: Self) -> "CallLimits":
        """The smaller of both limits, each."""
        return CallLimits(
            _smaller(self.documents, other.documents),
            _smaller(self.tokens, other.tokens),
            _smaller(self.bytes, other.bytes),
        )

    def hold(self, request: RerankRequest) -> bool:
        """Whether a request is within all limits."""
        documents = len(request.documents)
        if self.documents is not None and documents > self.documents:
            return False
        if self.tokens is not None and sum(tokens_each(request)) > self.tokens:
            return False
        if self.bytes is None or _longest(request) <= self.bytes:
            return True
        return bytes_before(request) + sum(bytes_each(request)) <= self.bytes


NO_LIMITS: Final = CallLimits()


def tokens_each(request: RerankRequest) -> list[float]:
    """What each document of a request adds to its tokens."""
    query = estimate(request.query)
    return [query + estimate(text) for text in request.texts()]


def bytes_each(request: RerankRequest) -> list[int]:
    """What each document of a request adds to its bytes: its text in JSON, and a comma."""
    return [len(orjson.dumps(text)) + 1 for text in request.texts()]


def bytes_before(request: RerankRequest) -> int:
    """The bytes of a request without its documents, or some more."""
    return BYTES_AROUND + len(orjson.dumps((request.query, request.instruction, request.model)))


def _longest(request: RerankRequest) -> int:
    """At most so many bytes: exact counting takes far longer."""
    texts: Sequence[str] = request.texts()
    characters = len(request.query) + len(request.instruction or "") + sum(map(len, texts))
    return BYTES_AROUND + 3 * len(texts) + MOST_BYTES_A_CHARACTER * characters


def _smaller(one: int | None, other: int | None) -> int | None:
    return min(one, other) if one is not None and other is not None else one or other
