"""The outcome of an attempt in the form in which it is written to the ledger."""

from collections.abc import Sequence

from rerankq.contract import Job, JobState
from rerankq.ledger import outcomes
from rerankq.ledger.leases import Finish, Lease, Postponement
from rerankq.ledger.usage import CallUsage
from rerankq_worker.jobs.history import call_of
from rerankq_worker.jobs.rerank import AttemptOutcome, Failed, Succeeded
from rerankq_worker.jobs.retry import RetryAfter


def job_update(
    lease: Lease,
    job: Job | None,
    outcome: AttemptOutcome,
    used: Sequence[CallUsage] = (),
    *,
    in_doubt: bool = False,
) -> Finish | Postponement:
    """The end of a job, or its postponement.

    Args:
        lease: under which the attempt was made.
        job: the job; None if it could not be read.
        outcome: of the attempt.
        used: what its calls have used.
        in_doubt: whether a call may have been made, of which nothing is known.
    """
    match outcome:
        case Succeeded(result, attempts):
            return Finish(
                *(lease, attempts, JobState.SUCCEEDED, outcomes.success(result)),
                tokens=outcome.tokens if job and (job.batch_id or job.tenant) else 0,
                call=call_of(outcome),
                usage=used,
            )
        case Failed(end, attempts, said):
            return Finish(
                *(lease, attempts, JobState.FAILED, outcomes.failure(end), end.reason, said),
                call=call_of(outcome),
                usage=used,
                in_doubt=in_doubt,
            )
        case RetryAfter(seconds, attempts, failure):
            return Postponement(lease, attempts, seconds, failure, used)
