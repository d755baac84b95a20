"""Lists jobs that run or wait, from the ledger's sets, a page at a time.

Jobs move while they are listed: one that changes its state between two pages may be listed twice,
or not at all.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from rerankq.contract import JobState, JobSummary, Lane
from rerankq.history.rows import summary_of
from rerankq.history.wanted import Wanted
from rerankq.ledger.failures import Failure
from rerankq.ledger.record_fields import record_from
from rerankq.store.store import Store

MOST_EXAMINED: Final = 2000
"""Records that are read for a page: about 20 ms, of which Redis takes one."""
MOST_RUNNING: Final = 10_000
MOST_HOLDING: Final = 100
"""Paused batches whose jobs are listed; a list of one batch's jobs has all of them."""
_TOGETHER: Final = 500
_UNFINISHED: Final = (JobState.RUNNING, JobState.QUEUED, JobState.SCHEDULED)


class Position(NamedTuple):
    """How far a list has come.

    Attributes:
        rank: of the set among the others.
        name: of the set.
        score: of the last job in it.
        offset: how many jobs with that score were read.
        job_id: the last job.
    """

    rank: int
    name: str
    score: float
    offset: int
    job_id: str


class _Source(NamedTuple):
    """A set of jobs. Sources are listed by rank and name.

    Attributes:
        state: of its jobs; None for the entries of a batch, which are in all states.
    """

    rank: int
    name: str
    key: str
    state: JobState | None


_Members = list[tuple[bytes, float, int]]
"""Jobs, each with its score and with how many of that score were read, itself among them."""


class Unfinished:
    """The jobs that have not ended. Every call raises LedgerUnavailable if Redis cannot be used.

    Args:
        store: the ledger's Redis.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._keys = store.keys

    async def page(
        self, wanted: Wanted, *, after: Position | None, limit: int
    ) -> tuple[list[JobSummary], Position | None]:
        """Some jobs: those that run, then those that wait, in the order in which they may run.

        Returns:
            The jobs, and where the next page goes on; None when there are no more.
        """
        if wanted.filter.job_id is not None:
            return await self._one(wanted, wanted.filter.job_id), None
        found: list[JobSummary] = []
        examined = 0
        for source in await self._sources(wanted, after):
            while True:
                members, is_last = await self._members(source, after)
                records = await self._records(members)
                for (member, score, offset), record in zip(members, records, strict=True):
                    job = _summary(source.state, member, record, wanted)
                    name = member.decode(errors="replace")
                    after = Position(source.rank, source.name, score, offset, name)
                    if job is not None:
                        found.append(job)
                        if len(found) == limit:
                            return found, after
                examined += len(members)
                if examined >= MOST_EXAMINED:
                    return found, after
                if is_last:
                    break
        return found, None

    async def _one(self, wanted: Wanted, job_id: str) -> list[JobSummary]:
        record = await self._store.command("GET", self._keys.job(job_id))
        job = _summary(None, job_id.encode(errors="replace"), record, wanted)
        return [] if job is None else [job]

    async def _sources(self, wanted: Wanted, after: Position | None) -> list[_Source]:
        of = wanted.filter
        if of.batch_id is not None:
            key = self._keys.batch_entries(of.batch_id)
            found = [_Source(0, "", key, None)]
        else:
            states = [each for each in _UNFINISHED if not of.states or each in of.states]
            lanes = [of.lane] if of.lane else list(Lane)
            found = [
                each
                for rank, state in enumerate(states)
                for each in await self._sets(rank, state, lanes, of.tenant)
            ]
        if after is None:
            return found
        return [each for each in found if (each.rank, each.name) >= (after.rank, after.name)]

    async def _sets(
        self, rank: int, state: JobState, lanes: Sequence[Lane], tenant: str | None
    ) -> list[_Source]:
        if tenant is not None and state is not JobState.QUEUED:
            # With one that runs, or waits for something else than a worker, its jobs of all lanes.
            is_running = state is JobState.RUNNING
            key = self._keys.tenant_running if is_running else self._keys.tenant_waiting
            return [_Source(rank, "", key(tenant), state)]
        names = sorted(each.value for each in lanes)
        if tenant is not None:
            return [
                _Source(rank, name, self._keys.tenant_queue(name, tenant), state) for name in names
            ]
        sets = [
            _Source(rank, name, self._keys.lane_set(name, state.value), state) for name in names
        ]
        if state is not JobState.SCHEDULED:
            return sets
        holding = await self._store.command(
            "ZRANGE", self._keys.batches_holding, 0, MOST_HOLDING - 1
        )
        held = sorted(each.decode(errors="replace") for each in holding)
        return sets + [
            _Source(rank, f"~{batch}", self._keys.batch_held(batch), state) for batch in held
        ]

    async def _members(self, source: _Source, after: Position | None) -> tuple[_Members, bool]:
        """The next jobs of a set, and whether they are its last."""
        is_begun = after is not None and (after.rank, after.name) == (source.rank, source.name)
        at = after if after and is_begun else Position(source.rank, source.name, 0, 0, "")
        if source.state is None:
            entries = await self._entries(source, at)
            return entries, len(entries) < _TOGETHER
        if source.state is JobState.RUNNING:
            # Each renewal of a lease changes its score, so these are listed by id.
            running = await self._store.command("ZRANGE", source.key, 0, MOST_RUNNING - 1)
            last = at.job_id.encode()
            left = [(each, 0.0, 0) for each in sorted(running) if each > last]
            return left[:_TOGETHER], len(left) <= _TOGETHER
        return await self._by_score(source, at if is_begun else None)

    async def _by_score(self, source: _Source, at: Position | None) -> tuple[_Members, bool]:
        if at is None:
            read = await self._scored(source, "-inf", 0)
            return _numbered(read, None), len(read) <= _TOGETHER
        read = await self._scored(source, repr(at.score), at.offset - 1)
        if read and (read[0][1], read[0][0]) == (at.score, at.job_id.encode()):
            return _numbered(read[1:], at), len(read) <= _TOGETHER
        # Jobs with this score have left: read all of them again, and leave out what was listed.
        offset, known = 0, (at.score, at.job_id.encode())
        while True:
            read = await self._scored(source, repr(at.score), offset)
            left = [each for each in read if (each[1], each[0]) > known]
            offset += len(read) - len(left)
            if left or len(read) <= _TOGETHER:
                return _numbered(left, at._replace(offset=offset)), len(read) <= _TOGETHER

    async def _scored(self, source: _Source, least: str, offset: int) -> list[tuple[bytes, float]]:
        read = await self._store.command(
            *("ZRANGEBYSCORE", source.key, least, "+inf", "WITHSCORES"),
            *("LIMIT", offset, _TOGETHER + 1),
        )
        if read and not isinstance(read[0], bytes):  # Redis' protocol 3
            return [(member, float(score)) for member, score in read]
        return [(member, float(score)) for member, score in zip(read[::2], read[1::2], strict=True)]

    async def _entries(self, source: _Source, at: Position) -> _Members:
        read = await self._store.command("LRANGE", source.key, at.offset, at.offset + _TOGETHER - 1)
        return [
            (each.partition(b" ")[0], 0.0, at.offset + number)
            for number, each in enumerate(read, 1)
        ]

    async def _records(self, members: _Members) -> list[bytes | None]:
        if not members:
            return []
        head = self._keys.job.head.encode()
        read = await self._store.command("MGET", *[head + member for member, _, _ in members])
        return list(read)


def waiting_fields(job_id: str, record: bytes | None) -> dict[str, Any]:
    """The fields of a record as a filter reads them, also of a job that waits."""
    fields = record_from(record)
    fields["id"] = job_id
    failure = fields.get("failure")
    if isinstance(failure, Failure):
        fields["reason"] = failure.code
    return fields


def _summary(
    state: JobState | None, member: bytes, record: bytes | None, wanted: Wanted
) -> JobSummary | None:
    """What a list tells of a job; None when it is not wanted, or has moved on."""
    if record is None or not wanted.may_be_record(record):
        return None
    job_id = member.decode(errors="replace")
    fields = waiting_fields(job_id, record)
    found = fields.get("state")
    if found is None or found.ended or (state is not None and found is not state):
        return None
    return summary_of(job_id, fields) if wanted.accepts(fields) else None


def _numbered(read: list[tuple[bytes, float]], at: Position | None) -> _Members:
    score, offset = (at.score, at.offset) if at else (None, 0)
    found = []
    for member, each in read:
        offset = offset + 1 if each == score else 1
        score = each
        found.append((member, each, offset))
    return found
