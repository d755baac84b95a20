"""A job that may share a call with others."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from rerankq.contract import Job
from rerankq.ledger.failures import NO_PAST
from rerankq.ledger.leases import Lease
from rerankq_worker.jobs.calling import current_work
from rerankq_worker.jobs.sent_request import SentRequest

MOST_JOB_DOCUMENTS: Final = 50
"""A job with more documents has a call of its own."""


@dataclass(slots=True, eq=False)
class Passenger:
    """A job that may share a call.

    Attributes:
        key: what jobs of one query have in common; the query is the last part.
        sent: what is sent of it.
        tokens: the estimated cost of a call of its own; 0 if it was not computed.
        claimed_at: when its claim was sent, by the monotonic clock in seconds.
        work: the task that works on it.
        sure_at: when its lease was last certain, by the same clock.
        lost: whether another worker has the job.
        call: the shared call that it is in; None before.
        left: whether it has left that call.
        places: the place of each of its documents in the call.
    """

    key: tuple[str | None, ...]
    job: Job
    lease: Lease
    sent: SentRequest
    tokens: int
    claimed_at: float
    work: "asyncio.Task[Any]"
    sure_at: float = 0.0
    lost: bool = False
    call: Any = None
    left: bool = False
    places: Sequence[int] = ()


def passenger_of(
    job: Job, lease: Lease, claimed_at: float, sent: SentRequest, tokens: int
) -> Passenger | None:
    """The job as one that may share a call; None if it goes alone.

    A job that has failed before goes alone: if the fault is its own, no other meets it.
    """
    request = sent.request
    if lease.attempts or lease.past != NO_PAST or len(request.documents) > MOST_JOB_DOCUMENTS:
        return None
    key = (job.tenant, request.model, request.instruction, request.query)
    return Passenger(key, job, lease, sent, tokens, claimed_at, current_work())
