"""Reads the fields of a body. Unknown fields and nulls are never an error; wrong values are.

Every function raises InvalidRequest, which names the field and never its value.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from rerankq.contract import MAX_TOP_N
from rerankq.errors import InvalidRequest
from rerankq_gateway.rerank.dialects.call import OnFailure

Fields = Mapping[str, Any]
MOST_NESTED: Final = 100
"""So many levels an object among the documents may have: the answer repeats it, and what writes
JSON knows fewer levels than what reads it."""
_FAILURES: Final[dict[str, OnFailure]] = {"error": "error", "original_order": "original_order"}


def query_of(fields: Fields, name: str = "query") -> str:
    """The query: a text, or `{"text": …}`."""
    return _text(name, _given(fields, name))


def documents_of(fields: Fields, name: str = "documents") -> Sequence[Any]:
    """The documents as they were given: a list, or a single text."""
    given = _given(fields, name)
    if isinstance(given, str):
        return [given]
    if not isinstance(given, list):
        raise InvalidRequest(name, "must be a list of texts")
    if not given:
        raise InvalidRequest(name, "must have at least one document")
    for position, each in enumerate(given):
        if isinstance(each, Mapping) and _is_too_deep(each):
            raise InvalidRequest(
                f"{name}.{position}", f"is nested deeper than {MOST_NESTED} levels"
            )
    return given


def texts_of(documents: Sequence[Any], name: str, rank_fields: Sequence[str] = ()) -> list[str]:
    """What is ranked of each document: its text, or the fields that the caller names."""
    return [
        each
        if isinstance(each, str)
        else _text(f"{name}.{position}", each, rank_fields=rank_fields)
        for position, each in enumerate(documents)
    ]


def rank_fields_of(fields: Fields) -> list[str]:
    """The names of the fields to rank by, in Cohere's form; empty when there are none."""
    given = fields.get("rank_fields")
    if given is None:
        return []
    if not isinstance(given, list) or not all(isinstance(each, str) for each in given):
        raise InvalidRequest("rank_fields", "must be a list of names")
    return given


def count_of(fields: Fields, *names: str) -> int | None:
    """How many of the best are asked for; None, and 0 as in vLLM's form, for all."""
    for name in names:
        given = fields.get(name)
        if given is None:
            continue
        if isinstance(given, float) and given.is_integer():
            # Some clients write every number with a point.
            given = int(given)
        if isinstance(given, bool) or not isinstance(given, int) or not 0 <= given <= MAX_TOP_N:
            raise InvalidRequest(name, "must be a whole number of documents, or 0 for all")
        return given or None
    return None


def share_of(fields: Fields, name: str) -> float | None:
    """A number from 0 to 1 that may be absent."""
    given = fields.get(name)
    if given is None:
        return None
    if isinstance(given, bool) or not isinstance(given, int | float) or not 0 <= given <= 1:
        raise InvalidRequest(name, "must be a number from 0 to 1")
    return float(given)


def flag_of(fields: Fields, name: str, *, default: bool) -> bool:
    """A flag."""
    given = fields.get(name)
    if given is None:
        return default
    if not isinstance(given, bool):
        raise InvalidRequest(name, "must be true or false")
    return given


def name_of(fields: Fields, name: str) -> str | None:
    """A text that may be absent; an empty one counts as absent."""
    given = fields.get(name)
    if given is None:
        return None
    if not isinstance(given, str):
        raise InvalidRequest(name, "must be a text")
    return given or None


def is_urgent(fields: Fields) -> bool:
    """Whether the call goes to the interactive lane: by Cohere's `priority`, where 0 is highest."""
    given = fields.get("priority")
    if given is None:
        return True
    if isinstance(given, bool) or not isinstance(given, int):
        raise InvalidRequest("priority", "must be a whole number; 0 is the highest")
    return given <= 0


def on_failure_of(fields: Fields) -> OnFailure | None:
    """What to answer when no ranking comes."""
    given = fields.get("on_failure")
    if given is None:
        return None
    found = _FAILURES.get(given) if isinstance(given, str) else None
    if found is None:
        raise InvalidRequest("on_failure", f"must be one of {', '.join(_FAILURES)}")
    return found


def timeout_of(fields: Fields) -> float | None:
    """How long the caller waits, in seconds."""
    given = fields.get("timeout")
    if given is None:
        return None
    if isinstance(given, bool) or not isinstance(given, int | float):
        raise InvalidRequest("timeout", "must be a number of seconds")
    if not math.isfinite(given) or given <= 0:
        raise InvalidRequest("timeout", "must be more than 0 seconds")
    return float(given)


def _is_too_deep(given: Mapping[str, Any]) -> bool:
    level: list[Any] = [given]
    for _ in range(MOST_NESTED):
        inner = (each.values() if isinstance(each, Mapping) else each for each in level)
        level = [each for some in inner for each in some if isinstance(each, list | Mapping)]
        if not level:
            return False
    return True


def _given(fields: Fields, name: str) -> Any:
    given = fields.get(name)
    if given is None:
        raise InvalidRequest(name, "is missing")
    return given


def _text(name: str, given: Any, *, rank_fields: Sequence[str] = ()) -> str:
    """The text of a query or document; of several parts, joined by newlines."""
    if isinstance(given, str):
        return given
    if isinstance(given, Mapping):
        if rank_fields:
            named = [given[each] for each in rank_fields if given.get(each) is not None]
            if named:
                return "\n".join(each if isinstance(each, str) else str(each) for each in named)
        if isinstance(given.get("text"), str):
            return str(given["text"])
        # vLLM's form of documents with several parts.
        parts = given.get("content")
        if isinstance(parts, list):
            texts = [each.get("text") for each in parts if isinstance(each, Mapping)]
            if texts and len(texts) == len(parts) and all(isinstance(each, str) for each in texts):
                return "\n".join(map(str, texts))
    raise InvalidRequest(name, 'must be a text, or an object with a "text"')
