"""Lists of jobs and the timeline of one, for both clients."""

from collections.abc import AsyncGenerator, Collection, Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any, Final, TypedDict, Unpack

from rerankq.client.batches.parts import BatchParts
from rerankq.client.caller import Caller
from rerankq.client.drafts import checked_id
from rerankq.client.waiting.forecast import is_of_unknown_length
from rerankq.client.waiting.forecasts import Forecasts
from rerankq.contract import (
    JobFilter,
    JobPage,
    JobState,
    JobSummary,
    JobTimeline,
    Lane,
    WaitReason,
)
from rerankq.errors import InvalidRequest, JobNotFound
from rerankq.history.lists import JobLists
from rerankq.history.timeline import Timelines
from rerankq.ledger.ownership import Ownership
from rerankq.ledger.waiting import WaitingJobs
from rerankq.store.per_loop import PerLoop
from rerankq.store.store import Store

PAGE: Final = 50
_ENDED: Final = frozenset(each for each in JobState if each.ended)
GROUPS: Final[Mapping[str, frozenset[JobState]]] = {
    "waiting": frozenset({JobState.QUEUED, JobState.SCHEDULED}),
    "unfinished": frozenset(JobState) - _ENDED,
    "ended": _ENDED,
}
"""Names for several states."""
_STANDING_STILL: Final = frozenset({"paused", "no_worker"})
"""Reasons to wait of which nobody knows how long they last."""


class JobSearch(TypedDict, total=False):
    """Which jobs are wanted; what is left out does not matter.

    `state` is a state or one of `waiting`, `unfinished` and `ended`, or several of them. `since`
    and `until` are Unix seconds, a datetime or an ISO 8601 text, both with an offset: they are
    compared with the time at which a job ended, else with that at which it began or was submitted.
    `metadata` has values that a job must have under these keys.
    """

    state: JobState | str | Collection[JobState | str] | None
    reason: str | Collection[str] | None
    job_id: str | None
    batch_id: str | None
    custom_id: str | None
    tenant: str | None
    lane: Lane | str | None
    model: str | None
    metadata: Mapping[str, str] | None
    since: float | str | datetime | None
    until: float | str | datetime | None


class AsyncJobLists:
    """What `AsyncRerankClient` does to list jobs."""

    _store: Store
    _ownership: Ownership
    _forecasts: PerLoop[Forecasts]
    _batch_parts: BatchParts

    async def job_page(
        self, *, after: str | None = None, limit: int = PAGE, **wanted: Unpack[JobSearch]
    ) -> JobPage:
        """A page of jobs: those that run, those that wait, then the ended ones, newest first.

        Ended jobs come from the history. While jobs end, its pages show each once. Jobs that have
        not ended may move between two pages. A page may have fewer jobs than `limit` and still
        have a `next`: a search reads only so much for one page.

        Args:
            after: the `next` of the page before.
            limit: most jobs, 1 to 500.
            **wanted: which jobs, see `JobSearch`.

        Raises:
            InvalidRequest: names the wrong argument.
            LedgerUnavailable: Redis did not answer.
        """
        lists = JobLists(self._store)
        return await lists.page(self._filter(wanted), after=after, limit=limit)

    async def jobs(
        self, *, limit: int | None = None, **wanted: Unpack[JobSearch]
    ) -> AsyncGenerator[JobSummary, None]:
        """All jobs that are wanted, in the order of `job_page`, read page by page.

        Raises:
            InvalidRequest, LedgerUnavailable: as `job_page`.
        """
        left, after = limit, None
        while left is None or left > 0:
            page = await self.job_page(after=after, limit=min(left or PAGE, PAGE), **wanted)
            for each in page.jobs:
                yield each
            left = None if left is None else left - len(page.jobs)
            after = page.next
            if after is None:
                return

    def history(
        self, *, limit: int | None = None, **wanted: Unpack[JobSearch]
    ) -> AsyncGenerator[JobSummary, None]:
        """The ended jobs that are wanted, the newest first, also when their results are gone.

        Raises:
            InvalidRequest, LedgerUnavailable: as `job_page`.
        """
        if wanted.get("state") is None:
            wanted["state"] = "ended"
        return self.jobs(limit=limit, **wanted)

    async def timeline(self, job_id: str) -> JobTimeline:
        """What happened to a job; and for one that waits why, and when its call may begin.

        Raises:
            JobNotFound: neither the ledger nor the history knows it.
            LedgerUnavailable: Redis did not answer.
        """
        lists = JobLists(self._store)
        timelines = Timelines(self._store, lists.history)
        told = await timelines.of(checked_id(job_id), tenant=self._ownership.tenant)
        if told.job.state.ended or told.job.state is JobState.RUNNING:
            return told
        waits: tuple[WaitReason, ...] = ()
        with suppress(JobNotFound):  # it has ended meanwhile
            waits = await self._batch_parts.why.of_job(job_id)
        expected = await self._expected(told.job, waits)
        return told.model_copy(update={"waits": waits, "expected_at": expected})

    async def _expected(self, job: JobSummary, waits: Collection[WaitReason]) -> float | None:
        """When the call of a waiting job begins; None when that cannot be foreseen."""
        if any(each.code in _STANDING_STILL for each in waits):
            return None
        seconds, micros = await self._store.command("TIME")
        now = int(seconds) + int(micros) / 1e6
        waiting = WaitingJobs(self._store)
        (known,) = await waiting.look([job.id])
        ahead = await waiting.ahead(known) if known else None
        forecast = await self._forecasts.get().behind(job.lane, ahead or 0)
        served_at, not_before = now + forecast.wait_seconds, job.next_attempt_at or 0.0
        if is_of_unknown_length(forecast) and not_before < served_at:
            return None
        return max(served_at, not_before)

    def _filter(self, wanted: JobSearch) -> JobFilter:
        own, tenant = self._ownership.tenant, wanted.get("tenant")
        if own is not None and tenant not in (None, own):
            raise InvalidRequest("tenant", "is another than the client's")
        given: dict[str, Any] = {name: value for name, value in wanted.items() if value is not None}
        given["states"] = _states(given.pop("state", ()))
        given["reasons"] = _several(given.pop("reason", ()))
        if own is not None:
            given["tenant"] = own
        return JobFilter.parse(given)


class BlockingJobLists:
    """What `RerankClient` does to list jobs; `AsyncJobLists` says what each method raises."""

    def job_page(
        self: Caller[AsyncJobLists],
        *,
        after: str | None = None,
        limit: int = PAGE,
        **wanted: Unpack[JobSearch],
    ) -> JobPage:
        """A page of jobs: those that run, those that wait, then the ended ones, newest first."""
        return self.call(lambda client: client.job_page(after=after, limit=limit, **wanted))

    def jobs(
        self: Caller[AsyncJobLists], *, limit: int | None = None, **wanted: Unpack[JobSearch]
    ) -> Iterator[JobSummary]:
        """All jobs that are wanted, in the order of `job_page`, read page by page."""
        return self.each(lambda client: client.jobs(limit=limit, **wanted))

    def history(
        self: Caller[AsyncJobLists], *, limit: int | None = None, **wanted: Unpack[JobSearch]
    ) -> Iterator[JobSummary]:
        """The ended jobs that are wanted, the newest first, also when their results are gone."""
        return self.each(lambda client: client.history(limit=limit, **wanted))

    def timeline(self: Caller[AsyncJobLists], job_id: str) -> JobTimeline:
        """What happened to a job; and for one that waits why, and when its call may begin."""
        return self.call(lambda client: client.timeline(job_id))


def _states(named: str | Collection[str]) -> frozenset[JobState]:
    """The states of these names.

    Raises:
        InvalidRequest: one is none.
    """
    found: set[JobState] = set()
    for each in _several(named):
        try:
            found |= GROUPS.get(each) or {JobState(each)}
        except ValueError:
            names = ", ".join([*JobState, *GROUPS])
            raise InvalidRequest("state", f"must be one of {names}") from None
    return frozenset(found)


def _several(given: str | Collection[str]) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given)
