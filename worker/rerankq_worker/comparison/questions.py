"""The set on which models are compared: queries with documents, and judgements if there are any.

A line is a job as `rerankq run` reads it. Judgements are in its field `relevance`, a grade for each
document, or `relevant`, the indices of the relevant ones; or in a file of qrels as TREC has them,
for lines with a `custom_id` and documents with ids. Source of that form: trec_eval's README.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from rerankq.client.drafts import job_from
from rerankq.client.line_forms import custom_id_of, fields_of, parsed
from rerankq.contract import RerankRequest
from rerankq.counting import counted
from rerankq.errors import InvalidRequest

Qrels = Mapping[str, Mapping[str, int]]
"""By query, by document: the grade."""

_QREL_FIELDS: Final = 4
_ASKED: Final = frozenset({"query", "documents", "instruction"})


@dataclass(frozen=True, slots=True)
class Question:
    """A query with its documents.

    Attributes:
        name: the line's `custom_id`, or its number.
        request: asks for the scores of all documents, without their texts.
        grades: how relevant each document is, from 0; None without judgements.
    """

    name: str
    request: RerankRequest
    grades: tuple[int, ...] | None


def question_from(text: bytes | None, number: int, *, qrels: Qrels, model: str) -> Question:
    """The question of a line.

    Args:
        text: the line; None if it was too long to be read.
        number: its number, from 1.
        qrels: judgements of a file.
        model: fills the request's field; each side is called with its own.

    Raises:
        InvalidRequest: names the line and the field that is wrong.
    """
    try:
        given = parsed(text)
        request = job_from(_of_a_request(fields_of(given)), default_model=model).request
        name = custom_id_of(given)
        grades = _grades(given, len(request.documents))
    except InvalidRequest as fault:
        raise InvalidRequest(fault.field, f"{fault.reason} (line {number})") from None
    if grades is None and name is not None and name in qrels:
        grades = _judged(request, qrels[name])
    return Question(name or f"line {number}", request, grades)


def read_qrels(lines: Iterable[str]) -> Qrels:
    """Judgements as TREC has them: query, an unused field, document, grade.

    Raises:
        InvalidRequest: names the line that is wrong.
    """
    found: dict[str, dict[str, int]] = {}
    for number, line in enumerate(lines, 1):
        fields = line.split()
        if not fields:
            continue
        if len(fields) != _QREL_FIELDS or not fields[3].lstrip("-").isdecimal():
            reason = f"line {number} must be `query 0 document grade`, the grade a whole number"
            raise InvalidRequest("qrels", reason)
        # Some sets have -1 for spam: it is as good as not relevant.
        found.setdefault(fields[0], {})[fields[2]] = max(0, int(fields[3]))
    return found


def _of_a_request(fields: Mapping[str, Any]) -> dict[str, Any]:
    """What is asked: all documents are to be scored, and each side has a model of its own."""
    asked = {name: each for name, each in fields.items() if name in _ASKED}
    return asked | {"return_documents": False}


def _grades(given: Mapping[str, Any], documents: int) -> tuple[int, ...] | None:
    grades, relevant = given.get("relevance"), given.get("relevant")
    if grades is not None:
        if not isinstance(grades, list) or not all(map(_is_whole, grades)):
            raise InvalidRequest("relevance", "must be a list of whole numbers from 0")
        if len(grades) != documents:
            reason = f"has {counted(len(grades), 'grade')} for {counted(documents, 'document')}"
            raise InvalidRequest("relevance", reason)
        return tuple(grades)
    if relevant is not None:
        if not isinstance(relevant, list) or not all(
            _is_whole(each) and each < documents for each in relevant
        ):
            raise InvalidRequest("relevant", "must be a list of indices of documents, from 0")
        return tuple(int(index in relevant) for index in range(documents))
    return None


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _judged(request: RerankRequest, by_document: Mapping[str, int]) -> tuple[int, ...]:
    return tuple(by_document.get(name, 0) for name in _ids(request))


def _ids(request: RerankRequest) -> Iterator[str]:
    for each in request.documents:
        yield "" if isinstance(each, str) else each.id or ""
