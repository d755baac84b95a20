"""The results of a batch as lines of JSON: in OpenAI's form, and in ours."""

from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from typing import Final, NamedTuple, Protocol

import orjson

from rerankq.client import AsyncBatch
from rerankq.client.batches.export import Row
from rerankq.contract import JobError, JobState
from rerankq.errors import BatchAbandoned, JobFailed
from rerankq_gateway.errors import problem_of

_CODES: Final = {
    JobState.CANCELLED.value: "batch_cancelled",
    JobState.EXPIRED.value: "batch_expired",
}
_OK: Final = b'"response":{"status_code":200,"request_id":'
_REFUSED: Final = b'"response":{"status_code":'
_NONE: Final = b'"response":null,"error":'


class Portion(NamedTuple):
    """Some lines.

    Attributes:
        next: the position of the first entry that is not in them.
        content: the lines.
    """

    next: int
    content: bytes


class Form(Protocol):
    """Makes a line of a row, or b"" when the row does not belong to this file."""

    def __call__(self, row: Row) -> bytes:
        """The line."""


def output_line(row: Row) -> bytes:
    """A line of OpenAI's output file: those with a ranking."""
    if row.result is None:
        return b""
    name = orjson.dumps(row.job_id)
    body = b'{"id":' + name + b',"object":"rerank",' + row.result[1:]
    return _head(row) + _OK + name + b',"body":' + body + b'},"error":null}\n'


def error_line(row: Row) -> bytes:
    """A line of OpenAI's error file: those without a ranking."""
    if row.result is not None or row.error is None:
        return b""
    if row.state == JobState.FAILED.value:
        problem = problem_of(JobFailed(row.error.code, row.error.message))
        return b"".join(
            [
                *(_head(row), _REFUSED, str(problem.status).encode(), b',"request_id":'),
                *(orjson.dumps(row.job_id), b',"body":', problem.body(row.job_id or "")),
                b'},"error":null}\n',
            ]
        )
    error = {"code": _CODES.get(row.state or "", row.error.code), "message": row.error.message}
    return _head(row) + _NONE + orjson.dumps(error) + b"}\n"


def result_line(row: Row) -> bytes:
    """A line of ours: every entry has one, in the order of the batch."""
    members = [
        b'{"position":' + str(row.position).encode(),
        b'"job_id":' + orjson.dumps(row.job_id),
        b'"custom_id":' + orjson.dumps(row.custom_id),
        b'"state":' + orjson.dumps(row.state or JobState.FAILED.value),
        b'"result":' + (row.result or b"null"),
        b'"error":' + _error(row.error),
    ]
    return b",".join(members) + b"}\n"


def unfed_line(name: str, custom_id: str | None, *, is_cancelled: bool) -> bytes:
    """A line of OpenAI's error file for a line that never became a job."""
    state = JobState.CANCELLED.value if is_cancelled else JobState.EXPIRED.value
    said = "was cancelled" if is_cancelled else "was over"
    error = JobError(code=_CODES[state], message=f"the batch {said} before this was submitted")
    return error_line(Row(0, name, custom_id, state, None, error))


async def portions(
    batch: AsyncBatch, form: Form, *, start: int = 0, wait: bool = False
) -> AsyncGenerator[Portion, None]:
    """The lines of a batch from a position on, as they are read.

    A batch that nobody adds to any more, though it is not sealed, ends with what there is.

    Raises:
        BatchNotFound, LedgerUnavailable: as `AsyncBatch.rows` says.
    """
    async with aclosing(batch.rows(start=start, wait=wait)) as found:
        with suppress(BatchAbandoned):
            async for rows in found:
                yield Portion(rows[-1].position + 1, b"".join([form(row) for row in rows]))


def _head(row: Row) -> bytes:
    name = row.job_id or f"line-{row.line}"
    return (
        b'{"id":' + orjson.dumps(f"batch_req_{name}") + b',"custom_id":'
        b"" + orjson.dumps(row.custom_id) + b","
    )


def _error(error: JobError | None) -> bytes:
    return b"null" if error is None else error.encode()
