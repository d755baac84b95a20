"""Makes a job of a row of a table, or says why it is not one."""

from collections.abc import Mapping
from typing import Any

import orjson

from rerankq.cli.input.job_lines import Defaults, job_of
from rerankq.cli.input.passages import document_id, document_text
from rerankq.client import RejectedLine
from rerankq.client.batches import BatchLine
from rerankq.client.line_forms import custom_id_of
from rerankq.contract import JobError
from rerankq.errors import InvalidRequest

_MOST_BYTES_OF_A_CHARACTER = 4


def entry_of(
    fields: Mapping[str, Any], number: int, *, batch_id: str, defaults: Defaults
) -> tuple[int, BatchLine]:
    """The batch's entry for a row, and about how many bytes it has.

    Args:
        fields: the row's values by field of a job; None where there is none.
        number: of the row, from 1.
        batch_id: its batch.
        defaults: values for fields that are absent.
    """
    given = {name: value for name, value in fields.items() if value is not None}
    if isinstance(given.get("custom_id"), int):
        given["custom_id"] = str(given["custom_id"])
    size = 0
    try:
        if "documents" in given:
            given["documents"] = _documents(given["documents"])
        if "metadata" in given:
            given["metadata"] = _metadata(given["metadata"])
        size = _characters(given)
        job = job_of(given, size * _MOST_BYTES_OF_A_CHARACTER, batch_id, defaults)
    except InvalidRequest as fault:
        error = JobError(code=fault.code, message=f"row {number}: {fault}")
        rejected = RejectedLine(line=number, custom_id=custom_id_of(given), error=error)
        return size, BatchLine(number, rejected)
    return size, BatchLine(number, job)


def _documents(given: object) -> object:
    """The documents as a job has them: of a struct, its id and its text."""
    if not isinstance(given, list):
        raise InvalidRequest("documents", "must be a list of strings, or of structs with text")
    return [_document(each) if isinstance(each, dict) else each for each in given]


def _document(given: Mapping[str, Any]) -> dict[str, str]:
    named = {"id": document_id(given), "text": document_text(given)}
    return {name: value for name, value in named.items() if value is not None}


def _metadata(given: object) -> object:
    """The metadata of a struct, a map (which is a list of pairs) or a JSON object."""
    if isinstance(given, str):
        try:
            given = orjson.loads(given)
        except orjson.JSONDecodeError:
            raise InvalidRequest("metadata", "must be a struct, a map or a JSON object") from None
    if isinstance(given, list):
        given = dict(given)
    if isinstance(given, dict):
        return {name: str(value) for name, value in given.items() if value is not None}
    return given


def _characters(given: Mapping[str, Any]) -> int:
    documents = given.get("documents")
    texts = documents if isinstance(documents, list) else []
    size = len(str(given.get("query", "")))
    for each in texts:
        size += len(each if isinstance(each, str) else str((each or {}).get("text", "")))
    return size
