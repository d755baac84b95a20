"""The seam to the upstream: what the job's logic asks for, and what may come back.

    UpstreamError
    ├── Throttled      slow down: not a failure, uses no attempt
    ├── Transient      try again later
    ├── Malformed      an answer that cannot be trusted: try again, but less often
    └── Refused        permanent for this job
        ├── TooLarge   more than the upstream takes at once
        └── BadAccount key, balance or permission: not this job's fault

Providers implement `Provider`; foreign errors become these in `provider` and nowhere else.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

from rerankq.contract import RerankRequest
from rerankq.errors import RerankqError


@dataclass(frozen=True, slots=True)
class Score:
    """A document's score; `index` refers to the documents as sent."""

    index: int
    relevance_score: float


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete and plausible answer: best first, no index twice, every score finite."""

    scores: Sequence[Score]
    prompt_tokens: int
    total_tokens: int
    request_id: str | None


@dataclass(frozen=True, slots=True)
class Call:
    """One attempt at one job."""

    job_id: str
    attempt: int
    request: RerankRequest


class Provider(Protocol):
    """Something that can rank documents."""

    async def rerank(self, call: Call) -> Answer:
        """Ask for a ranking.

        Raises:
            UpstreamError: there is none; the class says what to do about it.
        """
        ...


class UpstreamError(RerankqError):
    """The upstream gave no usable answer.

    Attributes:
        status: HTTP status, if there was one.
        request_id: the upstream's own id of the call, if it sent one.
    """

    code: ClassVar[str] = "upstream_error"

    def __init__(
        self, message: str, *, status: int | None = None, request_id: str | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.request_id = request_id


class Throttled(UpstreamError):
    """The account is asked to slow down, for `retry_after` seconds if the upstream says so."""

    code = "upstream_throttled"

    def __init__(
        self,
        message: str,
        *,
        retry_after: float | None = None,
        status: int | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(message, status=status, request_id=request_id)
        self.retry_after = retry_after


class Transient(UpstreamError):
    """Connection lost, time out, or a server error: the next attempt may succeed."""

    code = "upstream_unavailable"


class Malformed(UpstreamError):
    """The answer is incomplete, contradictory, too long, or no JSON."""

    code = "upstream_malformed"


class Refused(UpstreamError):
    """The upstream will never take this request."""

    code = "upstream_refused"


class TooLarge(Refused):
    """The request is larger than the upstream takes."""

    code = "upstream_too_large"


class BadAccount(Refused):
    """The upstream refuses the key, the balance or the permission."""

    code = "upstream_auth"
