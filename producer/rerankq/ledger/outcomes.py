"""How an end is spelled in Celery's Redis result backend, and read back from there.

Source: celery.backends.base.Backend._get_result_meta and exception_to_python. A result is
a JSON object under `celery-task-meta-<id>`; the ledger's scripts write its head (task_id,
date_done by Redis' clock), so an outcome is the tail: `"status":…,"result":…}`.
"""

from typing import Final

import orjson

from rerankq.contract import RerankResult
from rerankq.errors import InvalidRequest, JobCancelled, JobEnded, JobExpired, JobFailed

ENDS: Final[dict[str, type[JobEnded]]] = {
    each.__name__: each for each in (JobFailed, JobCancelled, JobExpired)
}


RESULT_PREFIX: Final = "celery-task-meta-"


def result_key(job_id: str) -> str:
    """Redis key of a job's result, and the channel it is published on."""
    return RESULT_PREFIX + job_id


def success(result: bytes) -> bytes:
    """The outcome of a job that has a ranking: a `RerankResult` as JSON."""
    return b'"status":"SUCCESS","result":' + result + b"}"


def failure(end: JobEnded) -> bytes:
    """The outcome of a job that has none; Celery's clients raise `end` from it."""
    exception = {
        "exc_type": type(end).__name__,
        "exc_module": JobEnded.__module__,
        "exc_message": [end.reason, end.message],
    }
    return b'"status":"FAILURE","result":' + orjson.dumps(exception) + b"}"


def decode(stored: bytes) -> RerankResult | JobEnded:
    """Read a stored result.

    Raises:
        UnsupportedVersion: it was written under another major version of the contract.
    """
    meta = orjson.loads(stored)
    if meta["status"] == "SUCCESS":
        return RerankResult.parse(meta["result"])
    exception = meta["result"]
    return ENDS.get(exception["exc_type"], JobFailed)(*exception["exc_message"])


def end_from(stored: bytes) -> RerankResult | JobEnded | InvalidRequest:
    """The end that a stored result stands for.

    One that another version wrote is the end of its own job alone: to whoever reads many, it
    is an answer like any other.
    """
    try:
        return decode(stored)
    except InvalidRequest as unreadable:
        return unreadable
