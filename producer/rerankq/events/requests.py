"""Events of calls over HTTP that got no ranking of their own."""

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
