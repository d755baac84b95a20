"""What producers, workers and clients say to each other: frozen, versioned messages.

Readers accept unknown fields of a newer minor version and refuse another major
version by name. Bounds are part of the contract, so a job that was accepted once
is acceptable everywhere. `rerankq schema` prints all of it as JSON Schema.
"""

import os
import re
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Final, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    StringConstraints,
    ValidationError,
    field_validator,
)
from pydantic_core import PydanticSerializationError

from rerankq.errors import InvalidRequest
from rerankq.faults import first_fault

CONTRACT_VERSION: Final = "1.0"
DEFAULT_MODEL: Final = "qwen3-reranker-8b"

TASK_NAME: Final = "rerankq.rerank"
"""The one Celery task. Its message names jobs; it never carries one."""

MAX_QUERY_CHARACTERS: Final = 32_768
MAX_DOCUMENT_CHARACTERS: Final = 131_072
MAX_DOCUMENTS: Final = 10_000
MAX_JOB_BYTES: Final = 16 * 1024 * 1024
MAX_METADATA_ENTRIES: Final = 16
MAX_DEADLINE_SECONDS: Final = 30 * 24 * 3600.0
MAX_UNIX_SECONDS: Final = 253_402_300_799.0
"""The end of the year 9999, the last that ISO 8601 and Python's datetime know."""
MAX_HINT_JOBS: Final = 50

_MAJOR, _SEPARATOR, _MINOR = CONTRACT_VERSION.partition(".")
_VERSION = re.compile(r"\d{1,6}\.\d{1,6}")


class Lane(StrEnum):
    """The queue a job waits in: each is served by a Celery worker of its own."""

    INTERACTIVE = "interactive"
    BULK = "bulk"

    @property
    def queue(self) -> str:
        """Name of the Celery queue, which is also the key of its list in Redis."""
        return f"rerankq.{self.value}"

    @property
    def again_queue(self) -> str:
        """Name of the Celery queue for what is announced again: it need not wait in line twice."""
        return f"{self.queue}.again"

    @property
    def jobs_per_hint(self) -> int:
        """How many jobs one message names: many share Celery's cost, one has no wait."""
        return MAX_HINT_JOBS if self is Lane.BULK else 1


class JobState(StrEnum):
    """Where a job stands. The last four are ends: they never change."""

    QUEUED = "queued"
    SCHEDULED = "scheduled"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"

    @property
    def ended(self) -> bool:
        """Whether this is an end."""
        return self in _ENDS


_ENDS: Final = frozenset(
    {JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED, JobState.EXPIRED}
)


class Message(BaseModel):
    """Base of every message: frozen, and forgiving only of what a newer minor version adds."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    @classmethod
    def parse(cls, data: bytes | str | Mapping[str, Any]) -> Self:
        """Decode JSON or a mapping.

        Raises:
            InvalidRequest: names the first offending field, never its value.
        """
        try:
            if isinstance(data, bytes | str):
                return cls.model_validate_json(data)
            return cls.model_validate(data)
        except ValidationError as error:
            raise first_fault(error) from None

    def encode(self) -> bytes:
        """The message as compact JSON.

        Raises:
            InvalidRequest: a string is not valid Unicode (a lone surrogate).
        """
        try:
            return self.__pydantic_serializer__.to_json(self, exclude_none=True)
        except PydanticSerializationError:
            raise InvalidRequest("", "holds text that is not valid Unicode") from None


class Versioned(Message):
    """A message that is stored, and so can be met by another version of this code."""

    version: str = CONTRACT_VERSION

    @field_validator("version")
    @classmethod
    def _same_major(cls, version: str) -> str:
        if not _VERSION.fullmatch(version):
            raise ValueError('must look like "1.0"')
        if version.partition(".")[0] != _MAJOR:
            raise ValueError(
                f"contract version {version} is not supported: this rerankq reads {_MAJOR}.x"
            )
        return version


def _not_blank(text: str) -> str:
    if not text or text.isspace():
        raise ValueError("must not be empty")
    return text


class Document(Message):
    """A document with an id of the caller's own, which comes back with its score."""

    id: Annotated[str, StringConstraints(max_length=512)] | None = None
    text: Annotated[str, StringConstraints(max_length=MAX_DOCUMENT_CHARACTERS)]

    _text_given = field_validator("text")(_not_blank)


class RerankRequest(Message):
    """One query and the documents to rank for it (the body of `POST /v1/rerank`)."""

    model: Annotated[str, StringConstraints(min_length=1, max_length=200)] = DEFAULT_MODEL
    query: Annotated[str, StringConstraints(max_length=MAX_QUERY_CHARACTERS)]
    documents: Annotated[tuple[str | Document, ...], Field(min_length=1, max_length=MAX_DOCUMENTS)]
    top_n: Annotated[StrictInt, Field(ge=1)] | None = Field(
        default=None, description="How many of the best to return; all when absent."
    )
    return_documents: StrictBool = True
    instruction: Annotated[str, StringConstraints(max_length=8_192)] | None = Field(
        default=None, description="Task description, for models that take one."
    )

    _query_given = field_validator("query")(_not_blank)

    @field_validator("documents")
    @classmethod
    def _within_bounds(cls, documents: tuple[str | Document, ...]) -> tuple[str | Document, ...]:
        for position, document in enumerate(documents):
            if not isinstance(document, str):
                continue
            if not document or document.isspace():
                raise ValueError(f"document {position} must not be empty")
            if len(document) > MAX_DOCUMENT_CHARACTERS:
                raise ValueError(
                    f"document {position} has {len(document):,} characters, "
                    f"over {MAX_DOCUMENT_CHARACTERS:,}: split it"
                )
        return documents

    def texts(self) -> list[str]:
        """The documents' texts, in the order submitted."""
        return [each if isinstance(each, str) else each.text for each in self.documents]

    @property
    def wanted(self) -> int:
        """How many results the caller is owed: `top_n`, or all there are."""
        return min(self.top_n or len(self.documents), len(self.documents))


def new_job_id() -> str:
    """A fresh job id. The client fixes it before the first write, so a retry cannot double."""
    digits = os.urandom(16).hex()
    # A UUID of version 4, as Celery's ids are, in less than half the time that `uuid` takes.
    variant = "89ab"[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


def _unix_seconds(moment: object) -> object:
    """A time as Unix seconds, from a datetime or ISO 8601 text too; both with their offset."""
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


# Without a colon, which parts the names of keys in Redis.
BatchId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,100}$")]


class Job(Versioned):
    """A request on its way: what the ledger stores and a worker claims."""

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
    deadline_seconds: Annotated[float, Field(gt=0, le=MAX_DEADLINE_SECONDS)] | None = Field(
        default=None, description="Seconds after acceptance by which the job must have ended."
    )
    not_before: (
        Annotated[float, Field(ge=0, le=MAX_UNIX_SECONDS), BeforeValidator(_unix_seconds)] | None
    ) = Field(default=None, description="Time before which the job may not run, in Unix seconds.")
    idempotency_key: Label | None = None
    trace_context: dict[str, Label] = Field(
        default_factory=dict, description="W3C traceparent and tracestate."
    )

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


class RankedDocument(Message):
    """One row of a ranking; `index` refers to the list of documents as submitted."""

    index: Annotated[int, Field(ge=0)]
    relevance_score: float
    document: Document | None = None


class Usage(Message):
    """Tokens of the call. The upstream's own figures can all be 0, so an estimate stands beside."""

    prompt_tokens: int = 0
    total_tokens: int = 0
    estimated_tokens: int = 0


class Timings(Message):
    """Seconds a job spent, from acceptance to the start of its last attempt, and in that call."""

    waited_seconds: float
    upstream_seconds: float


class RerankResult(Versioned):
    """The ranking: best first, at most `top_n` rows."""

    job_id: str
    model: str
    results: tuple[RankedDocument, ...]
    usage: Usage = Usage()
    attempts: int
    timings: Timings
    request_id: str | None = Field(default=None, description="The upstream's own id of the call.")
    metadata: dict[str, str] = Field(default_factory=dict)


class JobError(Message):
    """Why a job has no ranking: a stable `code`, and a sentence."""

    code: str
    message: str


class JobStatus(Message):
    """Where a job stands. Times are Unix seconds by Redis' clock."""

    id: str
    state: JobState
    lane: Lane
    attempts: int = Field(description="Calls that were answered or lost; throttled ones are not.")
    submitted_at: float
    started_at: float | None = None
    finished_at: float | None = None
    next_attempt_at: float | None = None
    deadline_at: float | None = None
    custom_id: str | None = None
    batch_id: str | None = None
    error: JobError | None = None


class BatchProgress(Message):
    """Counts of a batch. `total` grows until the batch is sealed."""

    id: str
    sealed: bool
    total: int
    rejected: int = Field(description="Lines that never became jobs.")
    existing: int = Field(
        default=0, description="Lines whose job had been accepted before, by idempotency key."
    )
    succeeded: int
    failed: int
    cancelled: int
    expired: int

    @property
    def ended(self) -> int:
        """Entries that have their end: lines that are no job of the batch's own count as ended."""
        own = self.succeeded + self.failed + self.cancelled + self.expired
        return self.rejected + self.existing + own


MESSAGES: Final[tuple[type[Message], ...]] = (
    RerankRequest,
    Job,
    Hint,
    RerankResult,
    JobStatus,
    BatchProgress,
)
"""The messages that producers in other languages may want the schema of."""
