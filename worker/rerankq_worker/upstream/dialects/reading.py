"""Reads parts of an answer without trusting it: any part may be missing or of a wrong type."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from itertools import islice, repeat
from math import isfinite
from operator import gt
from typing import Any, Final

from rerankq.contract import RerankRequest
from rerankq_worker.upstream.dialects.same_document import is_own
from rerankq_worker.upstream.errors import Malformed, NotANumber
from rerankq_worker.upstream.port import Score, best_first

# In two thirds of the time that a call of the class takes: there is one for each document.
_made: Final[Callable[[tuple[int, float, None]], Score]] = partial(tuple.__new__, Score)


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
    # Each check goes over all rows at once: row by row it is three times as expensive, and jobs
    # have thousands of rows.
    try:
        indexes = [row["index"] for row in rows]
        given = [row[field] for row in rows]
    except (KeyError, TypeError):
        raise Malformed(f"the upstream answered with a row without index and {field}") from None
    _check_indexes(indexes, len(request.documents))
    _check_numbers(given)
    _check_documents(rows, indexes, request)
    if len(rows) < request.wanted:
        raise Malformed(f"the upstream answered with {len(rows)} of {request.wanted} results")
    scores = list(map(_made, zip(indexes, map(float, given), repeat(None))))
    # Most answers are in order already, which is found out in a fraction of the time.
    if not all(map(gt, given, islice(given, 1, None))):
        scores.sort(key=best_first)
    return scores


def _check_indexes(indexes: Sequence[Any], documents: int) -> None:
    # The exact type, because True is an int too.
    if set(map(type, indexes)) - {int} or (
        indexes and not 0 <= min(indexes) <= max(indexes) < documents
    ):
        raise Malformed("the upstream answered with an index out of range")
    if len(set(indexes)) < len(indexes):
        raise Malformed("the upstream answered with an index twice")


def _check_numbers(given: Sequence[Any]) -> None:
    kinds = set(map(type, given))
    if kinds - {float, int, type(None)}:
        raise Malformed("the upstream answered with a score that is no number")
    # Many servers write null for NaN, which JSON does not have.
    if type(None) in kinds or not all(map(isfinite, given)):
        raise NotANumber("the upstream answered with a score that is no finite number")


def _check_documents(rows: Sequence[Any], indexes: Sequence[int], request: RerankRequest) -> None:
    """Compare the documents of an answer, where it has any, with those that were sent.

    Raises:
        Malformed: one is another than the one at its index.
    """
    sent = request.texts()
    own = [sent[index] for index in indexes]
    # Most vendors repeat each document as it was sent, or none at all.
    with suppress(KeyError, TypeError):
        if [row["document"]["text"] for row in rows] == own:
            return
    for row, text_sent in zip(rows, own, strict=True):
        given = row.get("document") or row.get("text")
        if given and not _is_own(given, text_sent):
            raise Malformed(
                "the upstream answered with another document than the one at its index: this may "
                "be the answer to another request"
            )


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
