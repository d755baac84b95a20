"""Events of requests over HTTP: their ends, and calls that got no ranking of their own."""

from dataclasses import dataclass
from typing import ClassVar

from rerankq.events.event import Event, JobRef


@dataclass(frozen=True, slots=True, kw_only=True)
class CallDegraded(Event):
    """A call was answered with its documents in their own order, as it asked for.

    Attributes:
        reason: why there was no ranking: the code of the error in its place.
    """

    name: ClassVar[str] = "call.degraded"
    job: JobRef
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestRefused(Event):
    """A call got an error after which it is told to try again, such as a refusal at once.

    Attributes:
        by: who throttles (`upstream` or `quota`); else what makes calls wait (`outage`,
            `no_worker`, `queue`), or the code of the error.
        retry_after: seconds after which it is told to try again.
    """

    name: ClassVar[str] = "request.refused"
    by: str
    retry_after: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestFinished(Event):
    """A request over HTTP has its answer, or its caller has gone.

    Attributes:
        method: such as `POST`.
        route: the route's template, as `/v1/jobs/{job_id}`; empty when there is no such route.
        status: of the answer; None if the caller went before it.
        seconds: from the request's header to the answer's last byte.
        bytes_sent: length of the answer's body.
        request_id: the caller's id for the request, or the gateway's.
        tenant: whose token it had; None for the operator's, or for none.
        job_id: the job that it has made or asked for.
        reason: the code of the error that it got.
        traceparent: its span in W3C's form, or the caller's.
    """

    name: ClassVar[str] = "request.finished"
    method: str
    route: str
    status: int | None
    seconds: float
    bytes_sent: int
    request_id: str
    tenant: str | None
    job_id: str | None
    reason: str | None
    traceparent: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FileUploaded(Event):
    """A file was taken in.

    Attributes:
        size: its length in bytes, unpacked.
    """

    name: ClassVar[str] = "file.uploaded"
    size: int
