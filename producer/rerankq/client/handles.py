"""Handles: a job that was accepted, and the client by which it is asked about.

A handle that is pickled takes along the job's id and, where it is known, the job's end; never the
client, whose settings hold a password. In the process that unpickles it, it is detached until
`client.get(handle.id)` gives one with a client.
"""

from collections.abc import Callable
from typing import Any, Generic, Protocol, Self, TypeVar

from rerankq.contract import JobState, JobStatus, RerankResult
from rerankq.errors import DetachedHandle
from rerankq.ledger.records import End


class AsyncOwner(Protocol):
    """What a handle needs of the asynchronous client."""

    async def status(self, job_id: str) -> JobStatus:
        """Where the job stands."""

    async def end(self, job_id: str, timeout: float | None = None) -> End:  # noqa: ASYNC109  as in `result`
        """How the job ended, waiting for it."""

    async def cancel(self, job_id: str) -> JobState:
        """Cancel the job; returns the state it was in."""


class Owner(Protocol):
    """What a handle needs of the blocking client."""

    def status(self, job_id: str) -> JobStatus:
        """Where the job stands."""

    def end(self, job_id: str, timeout: float | None = None) -> End:
        """How the job ended, waiting for it."""

    def cancel(self, job_id: str) -> JobState:
        """Cancel the job; returns the state it was in."""


C = TypeVar("C")


class _Handle(Generic[C]):
    """What both handles are: a job's id, its end as far as that is known, and whom to ask."""

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
        """Whom the handle asks.

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
        """Remember the job's end, so that it need not be asked for again."""
        self._end = end


class AsyncJobHandle(_Handle[AsyncOwner]):
    """A job that was accepted; good for as long as its client is open."""

    async def status(self) -> JobStatus:
        """Where the job stands.

        Raises:
            JobNotFound: the ledger does not know it (any more).
            LedgerUnavailable: Redis did not answer.
        """
        return await self.client.status(self.id)

    async def result(self, timeout: float | None = None) -> RerankResult:  # noqa: ASYNC109  the handle of every task library has it
        """The ranking, waiting for it up to `timeout` seconds (None: until the job's end).

        With 0 it is what there is: the ranking if the job has ended, else ResultTimeout.

        Raises:
            JobFailed, JobCancelled, JobExpired: the job ended without a ranking.
            ResultTimeout: it has not ended yet; ask again.
            JobNotFound: the ledger does not know it (any more).
            ResultExpired: it ended, but its result is past its retention.
            InvalidRequest: `timeout` is no number.
            ClientClosed: the client was closed, before or meanwhile.
            LedgerUnavailable: Redis has been away for a minute.
        """
        if self._end is None:
            self._end = await self.client.end(self.id, timeout)
        return ranking(self._end)

    async def cancel(self) -> JobState:
        """Cancel the job in whatever state it is; returns that state. An end stays as it is.

        Where the answer to a first try was lost, the second finds the job cancelled and says so.

        Raises:
            JobNotFound: the ledger does not know it (any more).
            LedgerUnavailable: Redis did not answer.
        """
        return await self.client.cancel(self.id)


class JobHandle(_Handle[Owner]):
    """A job that was accepted. `AsyncJobHandle` says what each method raises."""

    def status(self) -> JobStatus:
        """Where the job stands."""
        return self.client.status(self.id)

    def result(self, timeout: float | None = None) -> RerankResult:
        """The ranking, waiting for it up to `timeout` seconds (None: until the job's end)."""
        if self._end is None:
            self._end = self.client.end(self.id, timeout)
        return ranking(self._end)

    def cancel(self) -> JobState:
        """Cancel the job in whatever state it is; returns that state. An end stays as it is."""
        return self.client.cancel(self.id)


def ranking(end: End) -> RerankResult:
    """The ranking that a job ended with.

    Raises:
        JobFailed, JobCancelled, JobExpired: it has none.
        JobNotFound, ResultExpired, InvalidRequest: there is none to be had.
    """
    if isinstance(end, RerankResult):
        return end
    raise end
