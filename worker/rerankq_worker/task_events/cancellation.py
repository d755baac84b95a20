"""Cancels jobs when Celery's remote control asks for it, in the thread of Celery's hub."""

import asyncio
from collections.abc import Sequence
from typing import Final

from rerankq.contract import JobState
from rerankq.errors import RerankqError
from rerankq.events import Events, JobCancelled, JobRef
from rerankq.ledger.records import Records

ANSWER_SECONDS: Final = 0.7
"""How long Celery's hub waits for the ledger; who has asked waits for a second."""
MOST_TOGETHER: Final = 100


class Cancellation:
    """Cancels jobs in the ledger, from any thread.

    Args:
        events: told of each job that it has cancelled.
    """

    def __init__(self, events: Events) -> None:
        self._events = events
        self._records: Records | None = None
        self._loop: asyncio.AbstractEventLoop

    def open(self, records: Records) -> None:
        """From now on use this ledger, on the running event loop."""
        self._loop = asyncio.get_running_loop()
        self._records = records

    def cancel(self, job_ids: Sequence[str]) -> dict[str, str]:
        """Cancel jobs; returns in Celery's form what became of them."""
        if not 0 < len(job_ids) <= MOST_TOGETHER:
            return {"error": f"name 1 to {MOST_TOGETHER} jobs"}
        if self._records is None:
            return {"error": "this worker is starting"}
        asked = asyncio.run_coroutine_threadsafe(self._cancel(self._records, job_ids), self._loop)
        try:
            return asked.result(ANSWER_SECONDS)
        except TimeoutError:
            return {"error": "the ledger has not answered yet: ask again whether it was cancelled"}

    async def _cancel(self, records: Records, job_ids: Sequence[str]) -> dict[str, str]:
        said, failed = [], False
        for job_id in job_ids:
            try:
                before = await records.cancel(job_id)
            except RerankqError as error:
                said.append(str(error))
                failed = True
                continue
            if not before.ended:
                self._events.tell(JobCancelled(job=JobRef(job_id), was=before))
            elif before is not JobState.CANCELLED:
                failed = True
            said.append(_said(job_id, before))
        return {"error" if failed else "ok": "; ".join(said)}


def _said(job_id: str, before: JobState) -> str:
    if before is JobState.CANCELLED:
        return f"job {job_id} is cancelled"
    if before.ended:
        return f"job {job_id} has already ended: {before}"
    return f"job {job_id} is cancelled; it was {before}"
