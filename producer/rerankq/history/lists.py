"""Lists of jobs: those that run, those that wait, and those that have ended, the newest first."""

import base64
import binascii
from typing import Any, Final

import orjson

from rerankq.contract import JobFilter, JobPage, JobState
from rerankq.errors import InvalidRequest
from rerankq.history.search import History
from rerankq.history.unfinished import Position, Unfinished
from rerankq.history.wanted import Wanted
from rerankq.store.store import Store

MOST_OF_A_PAGE: Final = 500
_ENDED: Final = frozenset(each for each in JobState if each.ended)
_UNFINISHED: Final = frozenset(JobState) - _ENDED
_HISTORY: Final = "ended"


class JobLists:
    """Pages of jobs. Every call raises LedgerUnavailable when Redis cannot be used.

    Args:
        store: the ledger's Redis.
    """

    def __init__(self, store: Store) -> None:
        self.history = History(store)
        self._unfinished = Unfinished(store)

    async def page(self, wanted: JobFilter, *, after: str | None, limit: int) -> JobPage:
        """Some of the jobs that are wanted.

        Args:
            wanted: which jobs.
            after: the `next` of the page before.
            limit: most jobs, 1 to 500.

        Raises:
            InvalidRequest: `after` is no `next` of a page, or `limit` is out of range.
        """
        if not 1 <= limit <= MOST_OF_A_PAGE:
            raise InvalidRequest("limit", f"must be a number from 1 to {MOST_OF_A_PAGE}")
        position = _decoded(after)
        jobs = []
        if not isinstance(position, int) and _wants(wanted, _UNFINISHED):
            unfinished, left = await self._unfinished.page(
                Wanted(wanted), after=position, limit=limit
            )
            jobs += unfinished
            if left is not None:
                return JobPage(jobs=tuple(jobs), next=_encoded(list(left)))
            position = None
        if not _wants(wanted, _ENDED):
            return JobPage(jobs=tuple(jobs))
        before = position if isinstance(position, int) else None
        if len(jobs) == limit:
            return JobPage(jobs=tuple(jobs), next=_encoded([_HISTORY]))
        ended, place = await self.history.page(wanted, before=before, limit=limit - len(jobs))
        following = None if place is None else _encoded([_HISTORY, place])
        return JobPage(jobs=(*jobs, *ended), next=following)


def _wants(wanted: JobFilter, states: frozenset[JobState]) -> bool:
    return not wanted.states or not wanted.states.isdisjoint(states)


def _encoded(position: list[Any]) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(position)).rstrip(b"=").decode()


def _decoded(after: str | None) -> Position | int | None:
    """Where a page goes on: among the unfinished, before a place in the history, or at its end."""
    if after is None:
        return None
    try:
        padded = after.encode("ascii") + b"=" * (-len(after) % 4)
        match orjson.loads(base64.b64decode(padded, altchars=b"-_", validate=True)):
            case ["ended"]:
                return _NEWEST
            case ["ended", int(place)] if 0 <= place < _NEWEST:
                return place
            case [int(rank), str(name), int() | float() as score, int(offset), str(job_id)]:
                return Position(rank, name, float(score), max(0, offset), job_id)
    except (ValueError, binascii.Error):
        pass
    raise InvalidRequest("after", "is not the `next` of a page")


_NEWEST: Final = 2**52
"""A place behind all ends."""
