"""The two forms of a line of input: what each says, as the fields of a job.

A line has the arguments of `submit` as fields, or the form of OpenAI's batch files with `method`,
`url` and `body`. Unknown fields are ignored, as real data has many.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import orjson

from rerankq.contract import MAX_JOB_BYTES, RerankRequest
from rerankq.errors import InvalidRequest

REQUEST_FIELDS: Final = tuple(RerankRequest.model_fields)
JOB_FIELDS: Final = (
    *("custom_id", "lane", "metadata"),
    *("deadline_seconds", "not_before", "idempotency_key", "reuse"),
)

_BATCH_FORM: Final = frozenset({"method", "url", "body"})
_FLAT_FORM: Final = frozenset({"query", "documents"})
_PATHS: Final = ("/v1/rerank", "/rerank")
_BOM: Final = b"\xef\xbb\xbf"
_MOST_NAMED: Final = 512


def parsed(text: bytes | None) -> Mapping[str, Any]:
    """The JSON object of a line. `text` is None for a line that was too long to be read.

    Raises:
        InvalidRequest: it is not a JSON object, or too long.
    """
    if text is None:
        raise InvalidRequest("", f"is over {MAX_JOB_BYTES:,} bytes: split the job")
    try:
        given = orjson.loads(text.removeprefix(_BOM))
    except orjson.JSONDecodeError as error:
        raise InvalidRequest("", _unreadable(text, error)) from None
    if not isinstance(given, dict):
        raise InvalidRequest("", "must be a JSON object")
    return given


def fields_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a job, from an object in either form.

    Raises:
        InvalidRequest: it has the form of a batch file, but for another endpoint.
    """
    request = given
    if given.keys() & _BATCH_FORM and not given.keys() & _FLAT_FORM:
        request = _body(given)
    return _known(request, REQUEST_FIELDS) | _known(given, JOB_FIELDS)


def _unreadable(text: bytes, error: orjson.JSONDecodeError) -> str:
    try:
        text.decode()
    except UnicodeDecodeError as fault:
        return f"not valid UTF-8 (byte {fault.start + 1})"
    return f"not valid JSON ({error.msg}, character {error.pos + 1})"


def _body(given: Mapping[str, Any]) -> Mapping[str, Any]:
    if given.get("method") != "POST":
        raise InvalidRequest("method", "must be POST")
    url = given.get("url")
    if not isinstance(url, str) or not url.endswith(_PATHS):
        raise InvalidRequest("url", "must end with /v1/rerank or /rerank")
    body = given.get("body")
    if not isinstance(body, dict):
        raise InvalidRequest("body", "must be an object")
    return body


def _known(given: Mapping[str, Any], fields: Iterable[str]) -> dict[str, Any]:
    return {name: given[name] for name in fields if given.get(name) is not None}


def custom_id_of(given: Mapping[str, Any]) -> str | None:
    """The caller's own name for the line, if it can be one."""
    name = given.get("custom_id")
    return name if isinstance(name, str) and 0 < len(name) <= _MOST_NAMED else None
