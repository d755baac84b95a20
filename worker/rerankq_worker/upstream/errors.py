"""What a call may come to in place of a ranking, and what to do about it.

    UpstreamError
    ├── Throttled            slow down: not a failure, uses no attempt
    │   └── QuotaInDoubt     throttling with some vendors, an empty account with others
    ├── KeyRefused           not the job's fault, uses no attempt: it waits for the key
    │   ├── OutOfCredit      the account behind the key is empty
    │   └── BadKey           the key is unknown, or may not do this
    ├── ModelUnavailable     nobody serves the model now: the job waits for it, uses no attempt
    ├── Transient            try again later
    │   ├── Unreachable      no connection could be made: never billed, never the job's fault
    │   ├── WrongEndpoint    who answered is not the rerank endpoint: never the job's fault either
    │   ├── KeyInDoubt       a key was refused by which others are ranked: it may be the job
    │   └── Deferred         not asked at all, or in vain while it is out: uses no attempt
    │       └── NotBegun     the job may be another worker's by now: nothing was sent
    ├── Malformed            an answer that cannot be trusted: try again, but less often
    └── Refused              permanent for this job
        ├── TooLarge         more than the upstream takes at once
        └── ContentRefused   its texts are against the upstream's content policy

Foreign errors become these in `provider` and nowhere else.
"""

from enum import StrEnum
from typing import ClassVar, Final

from rerankq.errors import RerankqError

CHECK_ADDRESS: Final = (
    "check RERANKQ_UPSTREAM_URL and RERANKQ_DIALECT, or url and dialect of the site in "
    "RERANKQ_UPSTREAM_FILE"
)
"""What to do where an endpoint does not answer as one."""


class Cause(StrEnum):
    """What lies behind an error, where its class and the HTTP status do not say it.

    The names are stable: they stand in logs and in `rerankq upstream status`.
    """

    DNS = "dns"
    """The host's name was not resolved."""
    CONNECTION_REFUSED = "connection_refused"
    NO_ROUTE = "no_route"
    """The network or the host cannot be reached from here."""
    CONNECT_TIMEOUT = "connect_timeout"
    CERTIFICATE = "certificate"
    """The server's certificate is not trusted, not for this host, or expired."""
    TLS = "tls"
    """The other side speaks no TLS, or none that fits."""
    PROXY = "proxy"
    """The proxy cannot be reached, or refuses."""
    SEND_TIMEOUT = "send_timeout"
    """The request was not sent whole in time."""
    ANSWER_TIMEOUT = "answer_timeout"
    """Nothing of an answer came in time."""
    BODY_TIMEOUT = "body_timeout"
    """The answer began, and did not end in time."""
    CONNECTION_LOST = "connection_lost"
    """The connection broke before the answer was whole."""
    NO_HTTP = "no_http"
    """What came is no HTTP answer, or not the answer to this request."""
    REDIRECT = "redirect"
    """The endpoint has moved, or its address is not quite right."""
    PAGE = "page"
    """An HTML page came in place of an API's answer."""


class UpstreamError(RerankqError):
    """The upstream gave no usable answer.

    Attributes:
        status: HTTP status, if there was one.
        request_id: the upstream's own id of the call, if it sent one.
        retry_after: seconds that the upstream asks to wait before the next call, if it does.
        cause: what lies behind it; None where class and status say all that is known.
        ends_job: whether the job may be given up for it; no error of a site that has never given
            a ranking does that, as most likely its address or its dialect is set wrong.
        pattern: a fingerprint of what is wrong with an answer, by which it is known again; empty
            where nothing came that could be.
        alone: whether others were given rankings since the job first failed: then it may be the
            job by which its calls fail.
        passing: whether others are given rankings at the moment: then the site is not out, and the
            next call may well be answered.
        said: the beginning of the answer, in the upstream's own words. It may hold the request: it
            is kept beside the dead letter, and told nowhere else.
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
    """Too much was asked for, or the account is empty: the vendors use one word for both."""


class KeyRefused(UpstreamError):
    """The upstream serves nobody who comes with this key."""

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
    """Connection lost, time out, or a server error: the next attempt may succeed."""

    code = "upstream_unavailable"


class Unreachable(Transient):
    """No connection could be made, so the request was never seen."""


class WrongEndpoint(Transient):
    """Who answered is not the rerank endpoint: a redirect, a web page, no such path or method.

    That is a matter of the set-up, or of maintenance: the same for every job that is sent there.
    """

    code = "upstream_endpoint"


class KeyInDoubt(Transient):
    """A key was refused for this job, by which others were given rankings a moment ago.

    Attributes:
        code: of the refusal.
    """

    def __init__(self, refusal: KeyRefused) -> None:
        super().__init__(
            str(refusal),
            retry_after=refusal.retry_after,
            status=refusal.status,
            request_id=refusal.request_id,
            cause=refusal.cause,
        )
        self.code = refusal.code  # type: ignore[misc]  # it speaks for the refusal
        self.said = refusal.said


class Deferred(Transient):
    """The job has to wait for the upstream, or for a model there, for `seconds` at least.

    Attributes:
        code: of what closed it.
        ages: whether the job's age bounds that: it waits for a model that nobody serves.
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
        self.code = code  # type: ignore[misc]  # it speaks for others

    @classmethod
    def because_of(cls, error: UpstreamError, seconds: float, advice: str = "") -> "Deferred":
        """A wait for what an error says, with all that is known of why."""
        return cls(
            f"{error}; {advice}" if advice else str(error),
            seconds=seconds,
            code=error.code,
            status=error.status,
            request_id=error.request_id,
            cause=error.cause,
        )


class NotBegun(Deferred):
    """Nothing was sent: while a connection was made, the job may have gone to another worker."""

    def __init__(self) -> None:
        super().__init__("no call was begun: the lease may have run out meanwhile", seconds=0.0)


class Malformed(UpstreamError):
    """The answer is incomplete, contradictory, too long, or no JSON."""

    code = "upstream_malformed"


class Refused(UpstreamError):
    """The upstream will never take this request."""

    code = "upstream_refused"


class TooLarge(Refused):
    """The request is larger than the upstream takes."""

    code = "upstream_too_large"


class ContentRefused(Refused):
    """A filter of the upstream refuses what the texts say: nobody else's request is like it."""
