"""Reads parts of an answer without trusting it: any part may be missing or of a wrong type."""

from math import isfinite
from typing import Any

from rerankq.contract import RerankRequest
from rerankq_worker.upstream.dialects.same_document import is_own
from rerankq_worker.upstream.errors import Malformed, NotANumber
from rerankq_worker.upstream.port import Score


def read_scores(
    rows: Any, request: RerankRequest, *, field: str = "relevance_score"
) -> list[Score]:
    """The rows of an answer as scores, best first.

    Args:
        rows: the vendor's results: objects with `index` and `field`. A row may also hold the
            document: as a string, as an object with `text`, or in a field `text`.
        request: what was to be ranked.
        field: the vendor's name for the score.

    Raises:
        Malformed: there are no such rows, an index is out of range or repeated, a score is not a
            finite number, a document is not the one at its index, or there are fewer rows than
            the request wanted.
    """
    if not isinstance(rows, list):
        raise Malformed("the upstream answered without results")
    documents, scores, sent = len(request.documents), {}, request.texts()
    try:
        for row in rows:
            index, score = row["index"], row[field]
            # The exact type, because True is an int too.
            if type(index) is not int or not 0 <= index < documents:
                raise Malformed("the upstream answered with an index out of range")
            if index in scores:
                raise Malformed("the upstream answered with an index twice")
            if type(score) is not float and type(score) is not int and score is not None:
                raise Malformed("the upstream answered with a score that is no number")
            # Many servers write null for NaN, which JSON does not have.
            if score is None or not isfinite(score):
                raise NotANumber("the upstream answered with a score that is no finite number")
            given = row.get("document") or row.get("text")
            if given and not _is_own(given, sent[index]):
                raise Malformed(
                    "the upstream answered with another document than the one at its index: this "
                    "may be the answer to another request"
                )
            scores[index] = float(score)
    except (KeyError, TypeError):
        raise Malformed(f"the upstream answered with a row without index and {field}") from None
    if len(scores) < request.wanted:
        raise Malformed(f"the upstream answered with {len(scores)} of {request.wanted} results")
    best_first = sorted([(-score, index) for index, score in scores.items()])
    return [Score(index, -negated) for negated, index in best_first]


def _is_own(given: Any, sent: str) -> bool:
    text_given = given.get("text") if isinstance(given, dict) else given
    return not isinstance(text_given, str) or is_own(text_given, sent)


def member(body: Any, *path: str) -> Any:
    """The value at a path of names; None if the path does not exist."""
    for name in path:
        if not isinstance(body, dict):
            return None
        body = body.get(name)
    return body


def count(value: Any) -> int:
    """A number of tokens; 0 if it is missing or not a count."""
    return value if type(value) is int and value >= 0 else 0


def read_and_written(tokens: Any) -> tuple[int, int]:
    """Tokens read, and in total, from a usage with `input_tokens` and `output_tokens`."""
    read = count(member(tokens, "input_tokens"))
    return read, read + count(member(tokens, "output_tokens"))


def text(value: Any) -> str | None:
    """A printable text that is not empty, else None."""
    # Half a surrogate, which JSON can hold, is not printable.
    return value if isinstance(value, str) and value and value.isprintable() else None
