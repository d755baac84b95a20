"""The event that tells how long a call waited for its permit."""

import time

from rerankq.contract import Job
from rerankq.events import Events, JobRef, PermitWaited
from rerankq_worker.limits.route import Reservation


def tell_of_permit(events: Events, job: Job, reservation: Reservation, asked_at: float) -> None:
    """Tell that a call of a job has its permit.

    Args:
        events: told.
        job: the job.
        reservation: the route and the permit.
        asked_at: when the permit was asked for, by the monotonic clock in seconds.
    """
    if PermitWaited in events.wanted:
        site, account = reservation.route.site.name, reservation.route.permits.account.name
        seconds, about = time.monotonic() - asked_at, JobRef.of(job)
        events.tell(PermitWaited(job=about, site=site, account=account, seconds=seconds))
