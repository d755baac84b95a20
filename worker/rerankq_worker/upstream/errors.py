"""The errors of a call that brought no ranking.

    UpstreamError
    ├── Throttled            slow down: not a failure, uses no attempt
    │   └── QuotaInDoubt     for some vendors throttling, for others an empty account
    ├── KeyRefused           not the job's fault, uses no attempt: the job waits for the key
    │   ├── OutOfCredit      the account behind the key is empty
    │   └── BadKey           the key is unknown, or lacks a permission
    ├── ModelUnavailable     nobody serves the model now: uses no attempt, the job waits for it
    ├── Transient            try again later
    │   ├── Unreachable      no connection could be made: never billed, never the job's fault
    │   ├── WrongEndpoint    the answer came from something else: never the job's fault
    │   ├── KeyInDoubt       the key was refused, but ranks other jobs: maybe the job's fault
    │   └── Deferred         no call was made, or one while the upstream is out: uses no attempt
    │       └── NotBegun     another worker may hold the job by now: nothing was sent
    ├── Malformed            an answer that cannot be trusted: try again, but less often
    │   └── NotANumber       its scores are no finite numbers
    └── Refused              permanent for this job
        ├── TooLarge         more than the upstream takes
        │   └── CallTooLarge in one call: parts of the request may be taken
        └── ContentRefused   the texts are against the upstream's content policy

Only `provider` maps foreign errors to these.
"""

from enum import StrEnum
from typing import ClassVar, Final

from rerankq.errors import RerankqError

CHECK_ADDRESS: Final = (
    "check RERANKQ_UPSTREAM_URL and RERANKQ_DIALECT, or url and dialect of the site in "
    "RERANKQ_UPSTREAM_FILE"
)
"""Advice if an address does not answer like a rerank endpoint."""


class Cause(StrEnum):
    """The technical cause of an error, if its class and the HTTP status do not tell it.

    The names are stable: logs and `rerankq upstream status` show them.
    """

    DNS = "dns"
    """The host's name was not resolved."""
    CONNECTION_REFUSED = "connection_refused"
    NO_ROUTE = "no_route"
    """The network or the host cannot be reached from here."""
    NO_ROOM = "no_room"
    """This machine, or this process, has no file, port or memory left for a connection."""
    CONNECT_TIMEOUT = "connect_timeout"
    CERTIFICATE = "certificate"
    """The server's certificate is not trusted, not for this host, or expired."""
    TLS = "tls"
    """The other side speaks no TLS, or no version that both know."""
    PROXY = "proxy"
    """The proxy cannot be reached, or refuses."""
    SEND_TIMEOUT = "send_timeout"
    """The request was not completely sent in time."""
    ANSWER_TIMEOUT = "answer_timeout"
    """No part of an answer came in time."""
    BODY_TIMEOUT = "body_timeout"
    """The answer began, but did not end in time."""
    CONNECTION_LOST = "connection_lost"
    """The connection broke before the answer was complete."""
    NO_HTTP = "no_http"
    """The answer is not HTTP, or may belong to another request."""
    REDIRECT = "redirect"
    """The endpoint has moved, or its address is slightly wrong."""
    PAGE = "page"
    """A web page came instead of an API's answer."""


class UpstreamError(RerankqError):
    """The upstream gave no usable answer.

    Attributes:
        status: HTTP status, if there was one.
        request_id: the upstream's request id, if it sent one.
        retry_after: seconds that the upstream asks to wait before the next call, if it does.
        cause: the technical cause; None if class and status tell all that is known.
        ends_job: whether the job may be given up because of it. Never for a site that has not yet
            given a ranking: most likely its address or dialect is set wrong.
        pattern: a fingerprint of what is wrong with an answer, to recognise repetitions; empty for
            errors without an answer.
        alone: whether other jobs were ranked since this job first failed: then the job itself may
            be at fault.
        passing: whether other jobs are ranked at the moment: then the site is not out, and the
            next call may succeed.
        said: the beginning of the answer, in the upstream's own words. It may hold the request, so
            it is kept with the dead letter and shown nowhere else.
    """

    ends_job = True
    said = ""
    passing = False
    pattern = ""
    alone = False
    code: ClassVar[str] = "upstream_error"

    def __init__(
        self,
        message: str,
        *,
        retry_after: float | None = None,
        status: int | None = None,
        request_id: str | None = None,
        cause: Cause | None = None,
    ) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.status = status
        self.request_id = request_id
        self.cause = cause


class Throttled(UpstreamError):
    """The account is asked to slow down."""

    code = "upstream_throttled"


class QuotaInDoubt(Throttled):
    """Throttled, or the account is empty: vendors use the same words for both."""


class KeyRefused(UpstreamError):
    """The upstream refuses the key."""

    code = "upstream_auth"


class OutOfCredit(KeyRefused):
    """The account behind the key has no balance or quota left."""

    code = "upstream_billing"


class BadKey(KeyRefused):
    """The key is wrong, belongs to another site, or has no permission."""


class ModelUnavailable(UpstreamError):
    """Nobody behind this site serves the model: a wrong name, a wrong group, or an outage."""

    code = "upstream_model"


class Transient(UpstreamError):
    """A lost connection, a time-out or a server error: the next attempt may succeed."""

    code = "upstream_unavailable"


class Unreachable(Transient):
    """No connection could be made, so the upstream never saw the request."""


class WrongEndpoint(Transient):
    """The answer is not from a rerank endpoint: a redirect, a web page, no such path or method.

    The cause is a wrong setting or maintenance: it is the same for every job sent there.
    """

    code = "upstream_endpoint"


class KeyInDoubt(Transient):
    """A key was refused for this job, although it gave other jobs rankings a moment ago.

    Attributes:
        code: the refusal's code.
    """

    def __init__(self, refusal: KeyRefused) -> None:
        super().__init__(
            str(refusal),
            retry_after=refusal.retry_after,
            status=refusal.status,
            request_id=refusal.request_id,
            cause=refusal.cause,
        )
        self.code = refusal.code  # type: ignore[misc]  # the code of the refusal itself
        self.said = refusal.said


class Deferred(Transient):
    """The job has to wait for the upstream, or for a model there, for at least `seconds`.

    Attributes:
        code: the code of the error for which it waits.
        ages: whether the job's age counts, so that it is given up some day: it does for a job that
            waits for a model that nobody serves.
    """

    def __init__(
        self,
        message: str,
        *,
        seconds: float,
        code: str = Transient.code,
        ages: bool = False,
        status: int | None = None,
        request_id: str | None = None,
        cause: Cause | None = None,
    ) -> None:
        super().__init__(message, status=status, request_id=request_id, cause=cause)
        self.seconds = seconds
        self.ages = ages
        self.code = code  # type: ignore[misc]  # the code of another error

    @classmethod
    def because_of(cls, error: UpstreamError, seconds: float, advice: str = "") -> "Deferred":
        """A wait because of an error, with all that is known about it."""
        return cls(
            f"{error}; {advice}" if advice else str(error),
            seconds=seconds,
            code=error.code,
            status=error.status,
            request_id=error.request_id,
            cause=error.cause,
        )


class NotBegun(Deferred):
    """Nothing was sent: another worker may have taken the job while a connection was made."""

    def __init__(self) -> None:
        super().__init__("no call was made: the lease may have expired meanwhile", seconds=0.0)


class Malformed(UpstreamError):
    """The answer is incomplete, contradictory, too long, or no JSON."""

    code = "upstream_malformed"


class NotANumber(Malformed):
    """A score is NaN or infinite: the model itself may be at fault."""


class Refused(UpstreamError):
    """The upstream will never take this request."""

    code = "upstream_refused"


class TooLarge(Refused):
    """The request is larger than the upstream takes."""

    code = "upstream_too_large"


class CallTooLarge(TooLarge):
    """The request is larger than the upstream takes in one call: in several it may take it."""


class ContentRefused(Refused):
    """A content filter of the upstream refuses the texts: this concerns only this job."""
