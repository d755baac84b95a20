"""Jobs that are too large for one call: the attempts at them that run in this worker."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rerankq.contract import Job
from rerankq.events import Events
from rerankq.ledger.checkpoints import Checkpoints
from rerankq.ledger.leases import Lease
from rerankq_worker.jobs.calling import current_work
from rerankq_worker.jobs.calls_in_parts import CallsInParts
from rerankq_worker.jobs.job_checkpoint import JobCheckpoint
from rerankq_worker.jobs.part_calls import HeldJob, PartCalls
from rerankq_worker.jobs.usage import AttemptUsage
from rerankq_worker.limits.destinations import Destination


class LargeJobs:
    """Makes the upstream that an attempt at a large job uses.

    Args:
        calls: makes the calls.
        checkpoints: keeps what they bring, in Redis.
        most_calls: how many calls of one job may be in flight.
        events: told when Redis does not answer.
    """

    def __init__(
        self, calls: PartCalls, checkpoints: Checkpoints, *, most_calls: int, events: Events
    ) -> None:
        self._calls = calls
        self._checkpoints = checkpoints
        self._most_calls = most_calls
        self._events = events
        self._running: set[CallsInParts] = set()

    @contextmanager
    def upstream(
        self,
        job: Job,
        lease: Lease,
        claimed_at: float,
        destinations: Sequence[Destination],
        usage: AttemptUsage,
        *,
        was_refused: bool = False,
    ) -> Iterator[CallsInParts]:
        """The upstream for one attempt, within the block.

        Args:
            job: the job.
            lease: its lease.
            claimed_at: when its claim was sent, by the monotonic clock in seconds.
            destinations: where its calls could go, the best first.
            usage: told what each call has used.
            was_refused: see `CallsInParts`.
        """
        checkpoint = JobCheckpoint(
            self._checkpoints, lease, most_calls=self._most_calls, events=self._events
        )
        held = HeldJob(job, lease, claimed_at, current_work(), checkpoint, usage)
        calls = CallsInParts(
            held,
            self._calls,
            destinations,
            most_calls=self._most_calls,
            was_refused=was_refused,
        )
        self._running.add(calls)
        try:
            yield calls
        finally:
            self._running.discard(calls)

    def begin_no_more(self) -> None:
        """Begin no more calls; those in flight finish, and what they bring is kept."""
        for each in self._running:
            each.end()
