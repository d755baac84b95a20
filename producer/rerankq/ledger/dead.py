"""Dead letters: failed jobs, kept with their requests, to be looked at, replayed or purged."""

import uuid
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from rerankq.contract import Job, Message
from rerankq.errors import InvalidRequest, JobEnded, JobNotFound
from rerankq.ledger import outcomes, payload
from rerankq.ledger.record_fields import record_from
from rerankq.store.store import Store

PAGE: Final = 20
"""Letters read at once: each comes with its payload, which can be large."""
MOST_COUNTED: Final = 10_000
"""The newest letters, of which reasons are counted: their records are read for it."""
_TOGETHER: Final = 500
_REPLAY_IDS: Final = uuid.UUID("7b6b1a52-5a5e-4d0e-9f6a-0f3f6f0f7a11")


class DeadLetter(Message):
    """A failed job, without the texts of its request. Times are Unix seconds by Redis' clock."""

    id: str
    reason: str
    message: str | None
    status: int | None = None
    request_id: str | None = None
    failed_at: float
    model: str | None
    lane: str
    attempts: int
    claims: int
    documents: int
    batch_id: str | None = None
    custom_id: str | None = None
    upstream_said: str | None = None
    """The beginning of the upstream's last answer. It may hold the request: only `get` gives it."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which dead letters are meant: all conditions given must hold.

    Attributes:
        since: failed at this Unix time or later.
        until: failed before this Unix time.
    """

    reason: str | None = None
    model: str | None = None
    batch_id: str | None = None
    since: float | None = None
    until: float | None = None

    @property
    def by_time_alone(self) -> bool:
        """Whether the times alone tell which letters are meant, so that none has to be read."""
        return self.reason is self.model is self.batch_id is None

    def fits(self, letter: DeadLetter) -> bool:
        """Whether the conditions other than the times hold."""
        return (
            self.reason in (None, letter.reason)
            and self.model in (None, letter.model)
            and self.batch_id in (None, letter.batch_id)
        )


@dataclass(frozen=True, slots=True)
class Replays:
    """Which dead letters can be replayed, and which cannot.

    Attributes:
        jobs: old ids, each with a new job that has the same request.
        unreadable: ids of letters whose payload is gone, or that this version cannot read.
    """

    jobs: list[tuple[str, Job]]
    unreadable: list[str]


class DeadLetters:
    """What operators do with failed jobs. Every call raises LedgerUnavailable without Redis."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._keys = store.keys

    async def count(self) -> int:
        """How many there are."""
        return int(await self._store.command("ZCARD", self._keys.dead))

    async def by_reason(self) -> dict[str, int]:
        """How many failed for each reason, of the newest; the most frequent first."""
        return dict(Counter(reason for _, _, reason in await self._reasons()).most_common())

    async def of_reason(self, reason: str | None) -> list[str]:
        """The ids of those that failed for it, of the newest; None for any. The newest first.

        Only their records are read, and not their requests, which can be large.
        """
        found = await self._reasons()
        return [job_id.decode() for job_id, _, each in found if reason in (None, each)]

    async def newest(self, reason: str | None, *, most: int) -> list[DeadLetter]:
        """The newest that failed for a reason, or for any."""
        found = [each[:2] for each in await self._reasons() if reason in (None, each[2])][:most]
        return [
            letter
            for start in range(0, len(found), PAGE)
            for letter in await self._read(found[start : start + PAGE])
        ]

    async def _reasons(self) -> list[tuple[bytes, float, str]]:
        """The newest letters: ids, scores and reasons."""
        key, last = self._keys.dead, MOST_COUNTED - 1
        scored = _scored(await self._store.command("ZREVRANGE", key, 0, last, "WITHSCORES"))
        found: list[tuple[bytes, float, str]] = []
        for start in range(0, len(scored), _TOGETHER):
            part = scored[start : start + _TOGETHER]
            keys = [self._keys.job(job_id.decode()) for job_id, _ in part]
            records = await self._store.command("MGET", *keys)
            for (job_id, score), record in zip(part, records, strict=True):
                found.append((job_id, score, _reason(record_from(record))))
        return found

    async def find(self, wanted: Wanted) -> AsyncIterator[DeadLetter]:
        """Those that are meant, the newest first, read a page at a time."""
        # All ids first: they are small, and the caller may delete letters between two pages.
        scored = await self._scored(wanted)
        for start in range(0, len(scored), PAGE):
            for letter in await self._read(scored[start : start + PAGE]):
                if wanted.fits(letter):
                    yield letter

    async def ids(self, wanted: Wanted) -> list[str]:
        """The ids of those that are meant, the newest first. Letters are read only if needed."""
        if wanted.by_time_alone:
            return [job_id.decode() for job_id, _ in await self._scored(wanted)]
        return [letter.id async for letter in self.find(wanted)]

    async def named(self, job_ids: Sequence[str]) -> list[str]:
        """Those ids, each once, also where a part of the letter is missing.

        Raises:
            JobNotFound: no dead letter has one of them.
        """
        once = list(dict.fromkeys(job_ids))
        scores = await self._store.commands(*(("ZSCORE", self._keys.dead, each) for each in once))
        for job_id, score in zip(once, scores, strict=True):
            if score is None:
                raise _unknown(job_id)
        return once

    async def get(self, job_id: str) -> DeadLetter:
        """The dead letter with this id.

        Raises:
            JobNotFound: no dead letter has it.
        """
        score = await self._store.command("ZSCORE", self._keys.dead, job_id)
        if score is None:
            raise _unknown(job_id)
        letters = await self._read([(job_id.encode(), float(score))])
        (said,) = await self._store.readings(("GET", self._keys.said(job_id)))
        told = None if said is None else said.decode(errors="replace")
        return letters[0].model_copy(update={"upstream_said": told})

    async def replays(self, job_ids: Sequence[str]) -> Replays:
        """New jobs with the requests of the old ones, whose ends never change.

        The new id is derived from the old one, so a repeated replay creates one job.
        """
        stored = await self._store.readings(
            *(("GET", self._keys.payload(each)) for each in job_ids)
        )
        found = Replays([], [])
        for job_id, each in zip(job_ids, stored, strict=True):
            job = _job(each)
            if job is None:
                found.unreadable.append(job_id)
            else:
                found.jobs.append((job_id, _replay(job_id, job)))
        return found

    async def forget(self, job_ids: Sequence[str]) -> None:
        """Delete dead letters, with all that belongs to them."""
        if not job_ids:
            return
        # No transaction: a Redis whose memory is full refuses those, and this frees memory. A
        # payload that is left when this stops half-way expires by itself.
        await self._store.commands(
            ("ZREM", self._keys.dead, *job_ids),
            (
                "DEL",
                *(key(each) for each in job_ids for key in (self._keys.payload, self._keys.said)),
            ),
        )

    async def _scored(self, wanted: Wanted) -> list[tuple[bytes, float]]:
        newest = "+inf" if wanted.until is None else f"({int(wanted.until * 1000)}"
        oldest = "-inf" if wanted.since is None else str(int(wanted.since * 1000))
        return _scored(
            await self._store.command(
                "ZREVRANGEBYSCORE", self._keys.dead, newest, oldest, "WITHSCORES"
            )
        )

    async def _read(self, scored: Sequence[tuple[bytes, float]]) -> list[DeadLetter]:
        ids = [job_id.decode() for job_id, _ in scored]
        answers = await self._store.commands(
            *(
                ("MGET", *map(key, ids))
                for key in (self._keys.job, self._keys.payload, self._keys.result)
            )
        )
        return [
            _letter(job_id, score / 1000, record_from(record), asked, result)
            for job_id, (_, score), record, asked, result in zip(ids, scored, *answers, strict=True)
        ]


def _scored(rows: Sequence[Any]) -> list[tuple[bytes, float]]:
    """Ids and scores, from pairs as RESP3 has them, or from the flat list of RESP2."""
    pairs = zip(rows[::2], rows[1::2], strict=True) if rows and isinstance(rows[0], bytes) else rows
    return [(job_id, float(score)) for job_id, score in pairs]


def _reason(record: dict[str, Any]) -> str:
    return str(record.get("reason") or "unknown")


def _unknown(job_id: str) -> JobNotFound:
    return JobNotFound(f"no dead letter has the id {job_id}: see `rerankq dead list`")


def _replay(job_id: str, job: Job) -> Job:
    # Without the old job's batch, which is complete, and without its idempotency key, which belongs
    # to the job that failed.
    cleared = {"batch_id": None, "idempotency_key": None, "not_before": None}
    return job.model_copy(update={"id": str(uuid.uuid5(_REPLAY_IDS, job_id)), **cleared})


def _job(stored: bytes | None) -> Job | None:
    """The job as it was submitted; None when it is gone or cannot be read."""
    try:
        return None if stored is None else Job.parse(payload.unpacked(stored))
    except InvalidRequest:
        return None


def _letter(
    job_id: str,
    failed_at: float,
    record: dict[str, Any],
    stored: bytes | None,
    result: bytes | None,
) -> DeadLetter:
    job = _job(stored)
    request = job.request if job else None
    found = None if result is None else outcomes.end_from(result)
    end = found if isinstance(found, JobEnded) else None
    return DeadLetter(
        id=job_id,
        reason=_reason(record),
        message=end.message if end else None,
        status=end.status if end else None,
        request_id=end.request_id if end else None,
        failed_at=failed_at,
        model=request.model if request else None,
        lane=record.get("lane", ""),
        attempts=record.get("attempts", 0),
        claims=record.get("claims", 0),
        documents=len(request.documents) if request else 0,
        batch_id=record.get("batch"),
        custom_id=record.get("custom"),
    )
