"""What the history tells of a job: a line of JSON, made from the job's record once it has ended.

A line is the record with `id` and `call` before its fields, and the metadata of its batch if it has
none of its own. It is put together without decoding, as this is done for each job. So waiting and
ended jobs are read by the same code. It has no query and no document.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson

from rerankq.contract import DEFAULT_MODEL, JobCall, JobSummary
from rerankq.ledger.failures import MOST_REQUEST_ID, Failure

Metadata = Mapping[str, str]
_ENDS: Final = frozenset({"succeeded", "failed", "cancelled", "expired"})
_CALL_PARTS: Final = 4
_OK: Final = 200


Row = tuple[dict[str, Any], bytes]
"""The fields of a line, but for `call`, and the line. A plain tuple: one is made for each job."""

EMPTY: Final[Row] = {}, b""
"""The row of an end whose record was gone before it was packed."""
_UNSAFE: Final = re.compile(r"[^ !#-\[\]-~]")
"""What JSON would write in another way, or a terminal not show."""


def ended_fields(record: bytes | None) -> dict[str, Any]:
    """The fields of the record of a job that has ended; none for any other.

    Nor for one that is damaged, as it must not hold up the others.
    """
    try:
        fields = orjson.loads(record or b"{}")
        # Another state: its id was used again.
        return fields if fields.get("state") in _ENDS else {}
    except (ValueError, TypeError, AttributeError):
        return {}


def batches_in(ended: Sequence[Mapping[str, Any]]) -> set[str]:
    """The batches whose metadata these jobs have, as they have none of their own."""
    return {
        each["batch"]
        for each in ended
        if "batch" in each and "metadata" not in each and isinstance(each["batch"], str)
    }


def row_of(
    entry: bytes, record: bytes | None, fields: dict[str, Any], batches: Mapping[str, Metadata]
) -> Row:
    """The row of a job.

    Args:
        entry: of the list of ends: the job's id and, behind a space, what is told of its call.
        record: the job's.
        fields: its `ended_fields`.
        batches: metadata of batches.
    """
    if not fields or record is None:
        return EMPTY
    fields["id"] = entry.partition(b" ")[0].decode(errors="replace")
    # Neither part needs to be quoted: see `call_text`, and the contract's job ids.
    lead = b'{"id":"' + entry.replace(b" ", b'","call":"', 1) + b'",'
    if noted := batches and "metadata" not in fields and batches.get(fields.get("batch", "")):
        fields["metadata"] = noted
        lead += b'"metadata":' + orjson.dumps(noted) + b","
    return fields, lead + record[1:]


def row_from(line: bytes) -> Row:
    """The row of a line."""
    try:
        fields = orjson.loads(line)
    except orjson.JSONDecodeError:
        return EMPTY
    return (fields, line) if isinstance(fields, dict) else EMPTY


def summary_of(job_id: str, fields: Mapping[str, Any]) -> JobSummary | None:
    """What a list tells of a job; None when its record is damaged.

    Args:
        job_id: the job.
        fields: of a row, or of a record, as `record_from` reads them.
    """
    if not {"state", "lane", "submitted"} <= fields.keys():
        return None
    state, failure = fields["state"], fields.get("failure")
    waits_for = failure.code if isinstance(failure, Failure) and not state.ended else None
    return JobSummary(
        id=job_id,
        state=state,
        lane=fields["lane"],
        submitted_at=fields["submitted"] / 1000,
        started_at=seconds(fields.get("started")),
        finished_at=seconds(fields.get("finished")),
        next_attempt_at=seconds(fields.get("due")) if state.value == "scheduled" else None,
        deadline_at=seconds(fields.get("deadline")),
        attempts=fields.get("attempts", 0),
        retries=fields.get("retries", 0),
        reason=waits_for or fields.get("reason"),
        held=fields.get("held") is True,
        batch_id=fields.get("batch"),
        custom_id=fields.get("custom"),
        tenant=_text(fields.get("tenant")),
        model=_text(fields.get("model")) or DEFAULT_MODEL,
        metadata=_texts(fields.get("metadata")),
        call=call_from(fields.get("call")),
    )


def call_text(seconds: float, tokens: int, status: int | None, request_id: str | None) -> str:
    """What the ledger notes of the call that a job ended with."""
    name = request_id or ""
    # Called for each job: most names need no change, and a regular expression costs more.
    if not (name.isascii() and name.isprintable()) or '"' in name or "\\" in name:
        name = _UNSAFE.sub("?", name)
    return f"{int(seconds * 1000)} {tokens} {status or 0} {name[:MOST_REQUEST_ID]}"


def call_from(noted: object) -> JobCall | None:
    """What `call_text` noted; None when that is missing or damaged."""
    parts = noted.split(" ", _CALL_PARTS - 1) if isinstance(noted, str) else []
    if len(parts) != _CALL_PARTS:
        return None
    try:
        milliseconds, tokens, status = map(int, parts[:3])
    except ValueError:
        return None
    return JobCall(
        seconds=milliseconds / 1000 if status == _OK else None,
        tokens=tokens,
        status=status or None,
        request_id=parts[3] or None,
    )


def seconds(milliseconds: int | None) -> float | None:
    """A time in seconds."""
    return None if milliseconds is None else milliseconds / 1000


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _texts(value: object) -> dict[str, str]:
    if not isinstance(value, dict):
        return {}
    return {key: each for key, each in value.items() if isinstance(each, str)}
