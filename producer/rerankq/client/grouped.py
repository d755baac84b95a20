"""Records jobs that callers submit one by one: those of the same moment in one call.

Nobody waits for others. A job is sent at once when no call is under way; the jobs that come
meanwhile go together with the next one. So the call, and the message that names the jobs, cost each
of them the less, the more there are.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from copy import copy
from typing import NamedTuple

from rerankq.client.publishing import Publishing
from rerankq.errors import RerankqError
from rerankq.ledger.intake import CALL_BYTES, CALL_JOBS, Admission, Intake, PreparedJob, Verdict


class Recorded(NamedTuple):
    """What became of a job, and the publication of its hint; None when it has none."""

    admission: Admission
    published: Future[None] | None


class GroupedRecording:
    """Records and announces jobs for one event loop.

    Args:
        intake: the ledger.
        publishing: publishes the hints of a group together.
    """

    def __init__(self, intake: Intake, publishing: Publishing) -> None:
        self._intake = intake
        self._publishing = publishing
        self._waiting: deque[tuple[PreparedJob, asyncio.Future[Recorded]]] = deque()
        self._recording: asyncio.Task[None] | None = None

    async def record(self, job: PreparedJob) -> Recorded:
        """Record the job; its hint is published soon after.

        If the caller is cancelled before the job is sent, it is not recorded.

        Raises:
            LedgerUnavailable: Redis did not answer: the job may or may not be recorded.
            ClientClosed: the client was closed.
        """
        recorded: asyncio.Future[Recorded] = asyncio.get_running_loop().create_future()
        self._waiting.append((job, recorded))
        if self._recording is None:
            self._recording = asyncio.create_task(self._record_all())
        return await recorded

    async def done(self) -> None:
        """Wait until all jobs that were given are recorded."""
        if self._recording:
            await asyncio.wait([self._recording])

    async def _record_all(self) -> None:
        try:
            while group := self._next_group():
                await self._record(group)
        finally:
            self._recording = None

    def _next_group(self) -> list[tuple[PreparedJob, asyncio.Future[Recorded]]]:
        """The jobs of the next call: a large one goes alone, so that small ones need not wait."""
        group: list[tuple[PreparedJob, asyncio.Future[Recorded]]] = []
        size = 0
        while self._waiting and len(group) < CALL_JOBS:
            job, recorded = self._waiting[0]
            size += len(job.payload)
            if group and size > CALL_BYTES:
                break
            self._waiting.popleft()
            if not recorded.done():
                group.append((job, recorded))
        return group

    async def _record(self, group: Sequence[tuple[PreparedJob, asyncio.Future[Recorded]]]) -> None:
        jobs = [job for job, _ in group]
        try:
            admissions = await self._intake.submit_prepared(jobs)
        except RerankqError as error:
            for _, recorded in group:
                if not recorded.done():
                    # Each caller gets an error of its own, to which it may add.
                    recorded.set_exception(copy(error))
            return
        except BaseException:
            for _, recorded in group:
                recorded.cancel()
            raise
        accepted = [
            job
            for job, admission in zip(jobs, admissions, strict=True)
            if admission.verdict is Verdict.ACCEPTED
        ]
        published = self._publishing.announce_together(accepted) if accepted else None
        for (_, recorded), admission in zip(group, admissions, strict=True):
            if not recorded.done():
                has_hint = admission.verdict is Verdict.ACCEPTED
                recorded.set_result(Recorded(admission, published if has_hint else None))
        # While messages wait to be published, jobs gather, and the next message names more of them.
        await self._publishing.room()
