"""A job, and the hint that names it."""

import os
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Annotated, Any, Self

import orjson
from pydantic import BeforeValidator, Field, StrictBool, StrictFloat, StringConstraints

from rerankq.contract.batch import Callback, TenantName
from rerankq.contract.bounds import (
    MAX_CALLBACKS,
    MAX_DEADLINE_SECONDS,
    MAX_HINT_JOBS,
    MAX_JOB_BYTES,
    MAX_KEPT_SECONDS,
    MAX_METADATA_ENTRIES,
    MAX_UNIX_SECONDS,
)
from rerankq.contract.lanes import Lane
from rerankq.contract.message import Versioned
from rerankq.contract.request import RerankRequest
from rerankq.errors import InvalidRequest


def new_job_id() -> str:
    """A new job id. The client makes it before the first write, so a retry makes no second job."""
    digits = os.urandom(16).hex()
    # A UUID of version 4, like Celery's ids, in less than half the time that `uuid` takes.
    variant = "89ab"[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


def unix_seconds(moment: object) -> object:
    """A time as Unix seconds; also from a datetime or an ISO 8601 text, both with an offset."""
    if isinstance(moment, str):
        try:
            moment = datetime.fromisoformat(moment)
        except ValueError:
            raise ValueError("must be Unix seconds, or a time as in 2030-01-31T08:00Z") from None
    if isinstance(moment, datetime):
        if moment.tzinfo is None:
            raise ValueError("must say its offset from UTC")
        return moment.timestamp()
    return moment


Label = Annotated[str, StringConstraints(min_length=1, max_length=512)]


# Without a colon, which separates the parts of a key in Redis.
BatchId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,100}$")]


class Job(Versioned):
    """A request with its options: what the ledger stores and a worker claims."""

    id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.:-]{1,64}$")] = Field(
        default_factory=new_job_id
    )
    request: RerankRequest
    lane: Lane = Lane.BULK
    custom_id: Label | None = Field(default=None, description="The caller's own name for the job.")
    batch_id: BatchId | None = None
    metadata: Annotated[
        dict[Annotated[str, StringConstraints(max_length=64)], Label],
        Field(max_length=MAX_METADATA_ENTRIES),
    ] = Field(default_factory=dict)
    deadline_seconds: Annotated[StrictFloat, Field(gt=0, le=MAX_DEADLINE_SECONDS)] | None = Field(
        default=None, description="Seconds after acceptance by which the job must have ended."
    )
    not_before: (
        Annotated[StrictFloat, Field(ge=0, le=MAX_UNIX_SECONDS), BeforeValidator(unix_seconds)]
        | None
    ) = Field(default=None, description="Time before which the job may not run, in Unix seconds.")
    idempotency_key: Label | None = None
    trace_context: dict[str, Label] = Field(
        default_factory=dict, description="W3C traceparent and tracestate."
    )
    # None when there is none: then it costs no byte of the payload.
    tenant: TenantName | None = Field(default=None, description="Whose job it is.")
    keep_seconds: Annotated[StrictFloat, Field(ge=1, le=MAX_KEPT_SECONDS)] | None = Field(
        default=None, description="How long its result is kept; RERANKQ_RESULT_TTL when absent."
    )
    callbacks: Annotated[tuple[Callback, ...], Field(max_length=MAX_CALLBACKS)] | None = Field(
        default=None, description="Who is told of its end."
    )
    reuse: StrictBool | None = Field(
        default=None,
        description="False: all its documents are scored anew, and its scores are not kept for "
        "other jobs.",
    )

    @classmethod
    def parse(cls, data: bytes | str | Mapping[str, Any]) -> Self:
        """See `Message`. A stored job is large, and read by orjson in half the time.

        Raises:
            InvalidRequest: as there.
        """
        if isinstance(data, bytes):
            # What orjson refuses is read, or explained, by the parser of the base class.
            with suppress(orjson.JSONDecodeError):
                return super().parse(orjson.loads(data))
        return super().parse(data)

    def encode(self) -> bytes:
        """The job as compact JSON, at most `MAX_JOB_BYTES` long.

        Raises:
            InvalidRequest: too large, or not valid Unicode.
        """
        data = super().encode()
        if len(data) > MAX_JOB_BYTES:
            raise InvalidRequest(
                "documents", f"the job is {len(data):,} bytes, over {MAX_JOB_BYTES:,}: split it"
            )
        return data


class Hint(Versioned):
    """The body of a Celery message: the names of jobs that may be ready to run."""

    lane: Lane
    job_ids: Annotated[tuple[str, ...], Field(min_length=1, max_length=MAX_HINT_JOBS)]
    traceparent: Label | None = Field(
        default=None, description="The span in which the message was sent, in W3C's form."
    )
