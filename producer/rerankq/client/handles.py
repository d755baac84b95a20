"""Handles: an accepted job, and the client that asks about it.

A pickled handle has the job's id and, if it is known, the job's end; never the client, whose
settings hold a password. An unpickled handle is detached: `client.get(handle.id)` gives one with a
client.
"""

from collections.abc import Callable
from typing import Any, Generic, Protocol, Self, TypeVar

from rerankq.contract import JobState, JobStatus, RerankResult
from rerankq.errors import DetachedHandle
from rerankq.ledger.ends import End


class AsyncOwner(Protocol):
    """What a handle needs of the asynchronous client."""

    async def status(self, job_id: str) -> JobStatus:
        """The status of the job."""

    async def end(self, job_id: str, timeout: float | None = None) -> End:  # noqa: ASYNC109  as in `result`
        """How the job ended, waiting for it."""

    async def cancel(self, job_id: str) -> JobState:
        """Cancel the job; returns the state it was in."""


class Owner(Protocol):
    """What a handle needs of the blocking client."""

    def status(self, job_id: str) -> JobStatus:
        """The status of the job."""

    def end(self, job_id: str, timeout: float | None = None) -> End:
        """How the job ended, waiting for it."""

    def cancel(self, job_id: str) -> JobState:
        """Cancel the job; returns the state it was in."""


C = TypeVar("C")


class _Handle(Generic[C]):
    """Base of both handles: a job's id, its end if that is known, and the client."""

    def __init__(self, client: C | None, job_id: str, end: End | None = None) -> None:
        self._client = client
        self._id = job_id
        self._end = end

    def __repr__(self) -> str:
        return f"<rerank job {self.id}>"

    def __reduce__(self) -> tuple[Callable[..., Self], tuple[Any, ...]]:
        return type(self), (None, self.id, self._end)

    def __copy__(self) -> Self:
        return type(self)(self._client, self.id, self._end)

    def __deepcopy__(self, _: object) -> Self:
        return self.__copy__()

    @property
    def id(self) -> str:
        """The job's id."""
        return self._id

    @property
    def client(self) -> C:
        """The handle's client.

        Raises:
            DetachedHandle: it was unpickled.
        """
        if self._client is None:
            raise DetachedHandle(
                f"the handle of job {self.id} came from another process and has no client here: "
                "client.get(handle.id) gives one that has"
            )
        return self._client

    def settle(self, end: End) -> None:
        """Keep the job's end, so that Redis is not asked again."""
        self._end = end


class AsyncJobHandle(_Handle[AsyncOwner]):
    """A job that was accepted; usable while its client is open."""

    async def status(self) -> JobStatus:
        """The status of the job.

        Raises:
            JobNotFound: the ledger does not know it (any more).
            LedgerUnavailable: Redis did not answer.
        """
        return await self.client.status(self.id)

    async def result(self, timeout: float | None = None) -> RerankResult:  # noqa: ASYNC109  the handle of every task library has it
        """Wait for the ranking, up to `timeout` seconds (None: until the job's end).

        With 0 it does not wait: the ranking if the job has ended, else ResultTimeout.

        Raises:
            JobFailed, JobCancelled, JobExpired: the job ended without a ranking.
            ResultTimeout: it has not ended yet; ask again.
            JobNotFound: the ledger does not know it (any more).
            ResultExpired: it ended, but its result is past its retention.
            InvalidRequest: `timeout` is not a number.
            ClientClosed: the client was closed, before or during the call.
            LedgerUnavailable: Redis has not answered for a minute.
        """
        if self._end is None:
            self._end = await self.client.end(self.id, timeout)
        return ranking(self._end)

    async def cancel(self) -> JobState:
        """Cancel the job in any state; returns the state it was in. An end stays as it is.

        A second try after a lost answer returns `cancelled`.

        Raises:
            JobNotFound: the ledger does not know it (any more).
            LedgerUnavailable: Redis did not answer.
        """
        return await self.client.cancel(self.id)


class JobHandle(_Handle[Owner]):
    """A job that was accepted. `AsyncJobHandle` says what each method raises."""

    def status(self) -> JobStatus:
        """The status of the job."""
        return self.client.status(self.id)

    def result(self, timeout: float | None = None) -> RerankResult:
        """Wait for the ranking, up to `timeout` seconds (None: until the job's end)."""
        if self._end is None:
            self._end = self.client.end(self.id, timeout)
        return ranking(self._end)

    def cancel(self) -> JobState:
        """Cancel the job in any state; returns the state it was in. An end stays as it is."""
        return self.client.cancel(self.id)


def ranking(end: End) -> RerankResult:
    """The ranking that a job ended with.

    Raises:
        JobFailed, JobCancelled, JobExpired: it ended without one.
        JobNotFound, ResultExpired, InvalidRequest: the result is gone or damaged.
    """
    if isinstance(end, RerankResult):
        return end
    raise end
