"""How a job's end is written in Celery's Redis result backend, and read back from there.

Source: celery.backends.base.Backend._get_result_meta and exception_to_python. A result is
a JSON object under `celery-task-meta-<id>`. An outcome is its tail: `"status":…,"result":…}`. The
worker writes the part before it, or a script of the ledger when that itself ends the job.
"""

from datetime import UTC, datetime
from typing import Any, Final

import orjson

from rerankq.contract import CONTRACT_VERSION, RerankResult
from rerankq.errors import InvalidRequest, JobCancelled, JobEnded, JobExpired, JobFailed

ENDS: Final[dict[str, type[JobEnded]]] = {
    each.__name__: each for each in (JobFailed, JobCancelled, JobExpired)
}
_LAST_CALL: Final[dict[str, type]] = {"status": int, "request_id": str, "attempts": int}


_HEAD: Final = b'{"date_done":"'
_ID: Final = b'","task_id":"'
_TAIL: Final = b'","traceback":null,"children":[],'
_SUCCESS: Final = b'"status":"SUCCESS","result":'
_READABLE: Final = b'{"version":"%b.' % CONTRACT_VERSION.partition(".")[0].encode()
_DATE_BYTES: Final = len("2026-01-01T00:00:00.000000+00:00")


def success(result: bytes) -> bytes:
    """The outcome of a job that has a ranking: a `RerankResult` as JSON."""
    return _SUCCESS + result + b"}"


def date_done(ms: int) -> bytes:
    """A time in ms as Celery writes it; all are of the same length."""
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="microseconds").encode()


def whole(job_id: str, date: bytes, outcome: bytes) -> bytes:
    """A whole result. The date is at the place where `finish.lua` corrects it if it is wrong."""
    return b"%b%b%b%b%b%b" % (_HEAD, date, _ID, job_id.encode(), _TAIL, outcome)


def ranking_in(job_id: str, stored: bytes) -> bytes | None:
    """The ranking in a stored result: a `RerankResult` as JSON, cut out without reading it.

    None when there is none, or when the result is not written as here: then `end_from` reads it.
    """
    head = len(_HEAD) + _DATE_BYTES
    lead = b"%b%b%b%b" % (_ID, job_id.encode(), _TAIL, _SUCCESS)
    is_ours = (
        stored.startswith(_HEAD)
        and stored.startswith(lead, head)
        and stored.startswith(_READABLE, head + len(lead))
        and stored.endswith(b"}}")
    )
    return stored[head + len(lead) : -1] if is_ours else None


def failure(end: JobEnded) -> bytes:
    """The outcome of a job without a ranking; Celery's clients raise `end` from it."""
    # A subclass is written as its nearest base that every reader knows: Celery looks it up by name.
    known = next(each.__name__ for each in type(end).__mro__ if each.__name__ in ENDS)
    exception = {
        "exc_type": known,
        "exc_module": JobEnded.__module__,
        "exc_message": [end.reason, end.message],
        # Apart from the message: Celery and older versions read that as exactly two texts.
        "upstream": {name: getattr(end, name) for name in _LAST_CALL},
    }
    return b'"status":"FAILURE","result":' + orjson.dumps(exception) + b"}"


def decode(stored: bytes) -> RerankResult | JobEnded:
    """Read a stored result.

    Raises:
        UnsupportedVersion: it was written under another major version of the contract.
        InvalidRequest: it is not a result.
    """
    try:
        meta = orjson.loads(stored)
        if meta["status"] == "SUCCESS":
            return RerankResult.parse(meta["result"])
        exception = meta["result"]
        kind = ENDS.get(exception["exc_type"], JobFailed)
        reason, message = map(str, exception["exc_message"])
    except (ValueError, KeyError, TypeError):
        # `from None`, because the error may quote what was stored.
        raise InvalidRequest("", "the stored result cannot be read") from None
    return kind(reason, message, **_last_call(exception.get("upstream")))


def _last_call(told: Any) -> dict[str, Any]:
    """What is recorded of the last call; empty when the stored value is damaged."""
    if not isinstance(told, dict):
        return {}
    return {name: told[name] for name, kind in _LAST_CALL.items() if type(told.get(name)) is kind}


def end_from(stored: bytes) -> RerankResult | JobEnded | InvalidRequest:
    """The end that a stored result stands for.

    For a result that another version wrote, or that is damaged, the error is returned, not raised:
    a caller that reads many results still gets the others.
    """
    try:
        return decode(stored)
    except InvalidRequest as unreadable:
        return unreadable


def _decreed(status: str, end: JobEnded) -> str:
    exception = {
        "exc_type": type(end).__name__,
        "exc_module": JobEnded.__module__,
        "exc_message": [end.reason, end.message],
    }
    return f'"status":"{status}","result":{orjson.dumps(exception).decode()}}}'


CRASH_LOOP: Final = "crash_loop"
SPELLINGS: Final[dict[str, str | int]] = {
    "RESULT_HEAD": _HEAD.decode(),
    "DATE_AT": len(_HEAD),
    "RESULT_ID": _ID.decode(),
    "RESULT_TAIL": _TAIL.decode(),
    "CANCELLED": _decreed("REVOKED", JobCancelled("cancelled", "the job was cancelled")),
    "EXPIRED": _decreed(
        "FAILURE",
        JobExpired("deadline_passed", "the deadline of the job passed before it was done"),
    ),
    "CRASHED": _decreed(
        "FAILURE",
        JobFailed(CRASH_LOOP, "the job was given up: each of its workers ended while it ran"),
    ),
}
"""The outcomes that the scripts write, where the ledger itself ends a job."""
