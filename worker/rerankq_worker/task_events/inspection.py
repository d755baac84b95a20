"""What `celery inspect`, `celery control` and Flower's worker page are told: of jobs, not messages.

Celery's own answers are about the messages that it holds. Each function here takes the place of the
one of the same name.

Extension point: remote control commands (Celery's "Workers Guide", "Writing your own remote control
commands").
"""

from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

from celery.worker.control import control_command, inspect_command

from rerankq.contract import TASK_NAME
from rerankq_worker.task_events.cancellation import Cancellation
from rerankq_worker.task_events.fields import arguments
from rerankq_worker.task_events.recorder import HeldJob, TaskEvents

MOST_LISTED: Final = 1000
"""Jobs in one answer."""
_IDS: Final = "[id1 [id2 [... [idN]]]]"
Answer = dict[str, Any]


def answer_for_jobs(
    jobs: TaskEvents, cancellation: Cancellation, *, node: str, pid: int, calls: int
) -> None:
    """Let this process answer for the jobs that it holds.

    Args:
        jobs: what it knows of them.
        cancellation: cancels a job, whoever holds it.
        node: name of this Celery node.
        pid: its process.
        calls: most calls at the same time.
    """

    def of(job_id: str, held: HeldJob) -> Answer:
        return {
            "id": job_id,
            "name": TASK_NAME,
            "args": "()",
            "kwargs": arguments(held.claim.job),
            "type": TASK_NAME,
            "hostname": node,
            "time_start": held.started_at,
            "acknowledged": True,
            "delivery_info": {},
            "worker_pid": pid,
        }

    def listed(*, active: bool) -> list[Answer]:
        # A copy in one step: the event loop's thread changes it meanwhile.
        held = list(jobs.held.items())
        found = ((job_id, job) for job_id, job in held if (job.started_at is not None) is active)
        return [of(job_id, job) for job_id, job in islice(found, MOST_LISTED)]

    @inspect_command(name="active", alias="dump_active")
    def active(_state: Any, **_: Any) -> list[Answer]:
        """List of jobs whose call is in flight."""
        return listed(active=True)

    @inspect_command(name="reserved", alias="dump_reserved")
    def reserved(_state: Any, **_: Any) -> list[Answer]:
        """List of jobs that wait here for a permit to call."""
        return listed(active=False)

    @inspect_command(name="query_task", variadic="ids", signature=_IDS)
    def query_task(_state: Any, ids: Any, **_: Any) -> dict[str, tuple[str, Answer]]:
        """Query for jobs that this worker holds, by id."""
        return {
            job_id: ("reserved" if job.started_at is None else "active", of(job_id, job))
            for job_id in _each(ids)
            if (job := jobs.held.get(job_id))
        }

    @inspect_command(name="stats")
    def stats(state: Any, **_: Any) -> Answer:
        """Request worker statistics: jobs that it has claimed, and its most calls at once."""
        answer: Answer = state.consumer.controller.stats()
        answer["total"] = {TASK_NAME: jobs.claimed}
        answer["pool"] = answer["pool"] | {"max-concurrency": calls}
        return answer

    def revoke(_state: Any, task_id: Any = None, **_: Any) -> Answer:
        """Cancel jobs by id: in the ledger, whichever worker holds them."""
        return cancellation.cancel(list(_each(task_id)))

    control_command(name="revoke", variadic="task_id", signature=_IDS)(revoke)
    # It ends no process: other jobs run there.
    control_command(
        name="terminate", args=[("signal", str)], variadic="task_id", signature=f"<signal> {_IDS}"
    )(revoke)


def _each(ids: Any) -> Iterator[str]:
    several = ids if isinstance(ids, list | tuple) else [ids]
    return (each for each in several if isinstance(each, str))
