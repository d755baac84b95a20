"""The event that tells the outcome of a job, once the ledger has it."""

from collections.abc import Container

from rerankq.contract import Job
from rerankq.events import Event, JobFailed, JobRef, JobReleased, JobRetried, JobSucceeded
from rerankq_worker.jobs.rerank import AttemptOutcome, Failed, Succeeded
from rerankq_worker.jobs.retry import RetryAfter


def outcome_event(
    job_id: str, job: Job | None, outcome: AttemptOutcome, wanted: Container[type[Event]]
) -> Event | None:
    """The event of an outcome; None if nobody listens to this kind of event.

    Args:
        job_id: the job's id.
        job: the job; None if it could not be read.
        outcome: its outcome.
        wanted: the kinds of event that somebody listens to.
    """
    if _kind(outcome) not in wanted:
        return None
    about = JobRef.of(job) if job else JobRef(job_id)
    match outcome:
        case Succeeded():
            return _succeeded(about, outcome)
        case Failed(end, attempts):
            return JobFailed(
                job=about,
                attempts=attempts,
                reason=end.reason,
                status=end.status,
                message=end.message,
            )
        case RetryAfter(seconds, attempts, failure):
            if failure is None:
                return JobReleased(job=about)
            reason = failure.code
            return JobRetried(job=about, attempts=attempts, reason=reason, delay_seconds=seconds)


def _kind(outcome: AttemptOutcome) -> type[Event]:
    match outcome:
        case Succeeded():
            return JobSucceeded
        case Failed():
            return JobFailed
        case RetryAfter(failure=failure):
            return JobRetried if failure else JobReleased


def _succeeded(job: JobRef, outcome: Succeeded) -> JobSucceeded:
    answer, measures = outcome.answer, outcome.measures
    return JobSucceeded(
        job=job,
        attempts=outcome.attempts,
        waited_seconds=measures.waited_seconds,
        call_seconds=measures.call_seconds,
        prompt_tokens=answer.prompt_tokens,
        total_tokens=answer.total_tokens,
        estimated_tokens=measures.estimated_tokens,
        calls=answer.calls,
    )
