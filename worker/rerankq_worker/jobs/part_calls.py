"""Makes the calls for the parts of a job: each with a permit of its own, all under one lease."""

import asyncio
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from rerankq.contract import Job, RerankRequest
from rerankq.events import Events
from rerankq.ledger.leases import Lease
from rerankq_worker.jobs.calling import Calling
from rerankq_worker.jobs.certain_leases import CertainLeases
from rerankq_worker.jobs.job_checkpoint import JobCheckpoint
from rerankq_worker.jobs.permit_event import tell_of_permit
from rerankq_worker.jobs.rerank import estimated_tokens
from rerankq_worker.jobs.usage import AttemptUsage
from rerankq_worker.limits.destinations import Destination
from rerankq_worker.limits.guarded_call import GuardedCall
from rerankq_worker.limits.routes import Routes
from rerankq_worker.upstream.errors import UpstreamError
from rerankq_worker.upstream.port import Answer


@dataclass(slots=True)
class Progress:
    """How far a call has come.

    Attributes:
        has_permit: whether it waits no more.
        is_made: whether it has been begun.
        changed: called when it has its permit.
    """

    changed: Callable[[], None]
    has_permit: bool = field(default=False, init=False)
    is_made: bool = field(default=False, init=False)


@dataclass(frozen=True, slots=True)
class HeldJob:
    """A job that this worker holds, for which parts are asked.

    Attributes:
        claimed_at: when its claim was sent, by the monotonic clock in seconds.
        work: the task that works on it.
        checkpoint: keeps what the calls bring.
        usage: told what each call has used.
    """

    job: Job
    lease: Lease
    claimed_at: float
    work: "asyncio.Task[Any]"
    checkpoint: JobCheckpoint
    usage: AttemptUsage


class PartCalls:
    """Makes calls for parts of jobs.

    Args:
        routes: the routes to the upstream.
        certain: tells which leases are certain.
        calling: the jobs with calls in flight.
        events: told how long each call waited for its permit.
    """

    def __init__(
        self, routes: Routes, certain: CertainLeases, calling: Calling, events: Events
    ) -> None:
        self._routes = routes
        self._certain = certain
        self._calling = calling
        self._events = events

    async def answer(
        self,
        held: HeldJob,
        request: RerankRequest,
        where: Destination,
        progress: Progress,
        *,
        retry: bool,
        spare: bool,
    ) -> Answer:
        """Ask for a part, and keep what the call has brought.

        Args:
            held: the job.
            request: what this call asks for.
            where: where it may go.
            progress: told how far it has come.
            retry: whether it counts against the fleet's budget of retries.
            spare: whether calls of other jobs go first.

        Raises:
            UpstreamError: the call brought no ranking, or was not made.
            LeaseLostError: another worker has the job.
        """
        tokens = await estimated_tokens(request) if self._routes.counts_tokens else 0
        asked_at, lease = time.monotonic(), held.lease
        reservation = await self._routes.reserve_by(
            where.routes, tokens=tokens, retry=retry, spare=spare
        )
        progress.has_permit = True
        progress.changed()
        tell_of_permit(self._events, held.job, reservation, asked_at)
        sure_at = held.claimed_at

        def is_sure() -> bool:
            return self._certain.is_certain(lease, sure_at)

        call = GuardedCall(self._routes, reservation, lease.past, may_begin=is_sure)
        with ExitStack() as until_kept:
            async with call as upstream:
                sure_at = await self._certain.make_sure_of(lease, held.claimed_at)
                progress.is_made = True
                # Until it is kept, as a drain must not cut it off between the two.
                until_kept.enter_context(self._calling.during(held.work))
                try:
                    answer = await upstream.ask(held.job.id, lease.attempts + 1, request)
                except UpstreamError:
                    tokens = tokens or await estimated_tokens(request)
                    held.usage.failed(reservation, upstream.fault, estimated=tokens)
                    raise
                except asyncio.CancelledError:
                    held.usage.broken_off(reservation, estimated=tokens)
                    raise
            tokens = tokens or await estimated_tokens(request)
            pairs = len(request.documents)
            held.usage.ranked(reservation, answer, pairs=pairs, estimated=tokens)
            await held.checkpoint.keep(where.source, request, answer, held.usage)
        return answer
