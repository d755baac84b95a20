"""Why the ledger does not take a job, as its caller is told."""

from collections.abc import Sequence
from typing import Final

from rerankq.contract import DEFAULT_MODEL, Lane
from rerankq.errors import (
    BatchClosed,
    BatchNotFound,
    BudgetExceeded,
    IdempotencyConflict,
    InvalidRequest,
    QueueFull,
    QuotaExceeded,
    RerankqError,
)
from rerankq.ledger.intake import Admission, PreparedJob, Verdict

REFUSALS: Final = frozenset(
    {
        *(Verdict.CONFLICT, Verdict.NO_BATCH, Verdict.CLOSED, Verdict.TAKEN),
        Verdict.NO_WEBHOOK,
    }
)
"""Verdicts on jobs that will never be accepted."""
_ADVICE: Final = "wait, add workers, or raise RERANKQ_MAX_QUEUE_DEPTH"
_QUOTAS: Final = {
    "requests": "has submitted as many interactive jobs as it may in a minute",
    "tokens": "has submitted as many tokens of interactive jobs as it may in a minute",
    "queued": "has as many jobs that have not ended as it may",
    "day": "has submitted as many jobs as it may today (UTC)",
    "disabled": "is disabled",
    "budget": "has no budget left for the next job",
}
BUDGETS: Final = frozenset({"budget", "batch_budget", "unpriced"})
"""What is used up when jobs cost more than they may."""
DISABLED: Final = "disabled"
UNPRICED: Final = "unpriced"
HOPELESS: Final = frozenset({DISABLED, UNPRICED})
"""What no wait ends."""


def refused_for_now(
    job: PreparedJob, admission: Admission, *, most: int, position: int | None = None
) -> QueueFull:
    """The error for a job that may be accepted later.

    Args:
        job: the job.
        admission: the verdict on it.
        most: how many jobs a lane may hold.
        position: of the job in its stream, which waited and goes on from there; None for a job
            that was submitted alone.
    """
    said = reason(job, admission, most=most)
    if admission.verdict is Verdict.QUOTA:
        said += f": {_what_to_do(admission)}"
        if position is not None:
            said += f", then go on from draft {position}"
        return (BudgetExceeded if admission.quota in BUDGETS else QuotaExceeded)(
            said,
            quota=admission.quota,
            retry_after=admission.retry_after,
            position=position or 0,
        )
    if position is None:
        return QueueFull(f"{said}: {_ADVICE}")
    return QueueFull(
        f"{said}, and took no more jobs: {_ADVICE}, then go on from draft {position}",
        position=position,
    )


def reason(job: PreparedJob, admission: Admission, *, most: int) -> str:
    """Why a job has to wait, in half a sentence."""
    if admission.quota == "batch_budget":
        batch = job.head["batch"]
        return (
            f"{batch} has no budget left for its next job (`rerankq batch budget {batch} AMOUNT` "
            "raises it)"
        )
    if admission.quota == "unpriced":
        return f"the budget is in money, and {job.head.get('model', DEFAULT_MODEL)} has no price"
    if admission.verdict is Verdict.QUOTA:
        return f"tenant {job.head['tenant']} {_QUOTAS.get(admission.quota, 'is over a quota')}"
    return f"the {lane_of(job)} lane holds {most:,} unfinished jobs"


def lane_of(job: PreparedJob) -> Lane:
    """The lane of a job."""
    return Lane(str(job.head["lane"]))


def refusal(jobs: Sequence[PreparedJob], admissions: Sequence[Admission]) -> RerankqError | None:
    """The error for refused jobs; an unknown batch comes first, because it concerns all of them."""
    verdicts = [each.verdict for each in admissions]
    if Verdict.NO_BATCH in verdicts:
        batch_id = jobs[verdicts.index(Verdict.NO_BATCH)].head["batch"]
        return BatchNotFound(
            f"no batch has the id {batch_id}: check the id; the batch may be past its retention"
        )
    if Verdict.CLOSED in verdicts:
        batch_id = jobs[verdicts.index(Verdict.CLOSED)].head["batch"]
        return BatchClosed(
            f"{batch_id} takes no more jobs, because it is sealed, was cancelled, or is past its "
            "deadline: open another batch"
        )
    if Verdict.NO_WEBHOOK in verdicts:
        return InvalidRequest("callbacks", "names a webhook that there is not: see its id")
    if Verdict.TAKEN in verdicts:
        return InvalidRequest("job_id", "cannot be given to this job: submit it without an id")
    if Verdict.CONFLICT in verdicts:
        return IdempotencyConflict(
            "the idempotency key was used before for another request: "
            "use a new key, or send the same request"
        )
    return None


def _what_to_do(admission: Admission) -> str:
    if admission.quota == DISABLED:
        return "ask the operator (`rerankq tenant set NAME --enable`)"
    if admission.quota == "batch_budget":
        return "raise it, or wait until jobs have cost less than was reserved"
    if admission.quota == "budget":
        return "wait until jobs have cost less than was reserved, or ask the operator for more"
    if admission.quota == "unpriced":
        return "name its price in RERANKQ_PRICES, and set the budget again"
    if admission.retry_after is None:
        return "wait until some have ended, or ask the operator for more"
    return f"wait {max(1, round(admission.retry_after))} s, or ask the operator for more"
