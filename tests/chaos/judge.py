"""Checks that every accepted job has exactly one end, and the right one."""

import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from redis import Redis
from redis.exceptions import RedisError

from chaos.numbered import what_is_wrong
from rerankq.contract import Job, JobState
from rerankq.ledger.record_fields import record_from
from running.keys import KEYS
from running.waiting import POLL_SECONDS

PAGE: Final = 500


@dataclass(frozen=True, slots=True)
class Record:
    """What the ledger says of a job.

    Attributes:
        state: its state.
        submitted: when it was recorded, in Unix seconds.
        finished: when it ended, in Unix seconds; None before that.
        attempts: calls that used an attempt.
        claims: how often it was claimed.
        result: its stored result; None before it ended.
    """

    state: str
    submitted: float
    finished: float | None
    attempts: int
    claims: int
    result: bytes | None

    @property
    def ended(self) -> bool:
        """Whether the job has ended."""
        return JobState(self.state).ended


@dataclass(slots=True)
class Verdict:
    """What became of the accepted jobs; `remarks` explains the counts."""

    jobs: int = 0
    lost: int = 0
    stuck: int = 0
    wrong: int = 0
    lost_ids: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


class Judge:
    """Reads the ledger from outside, and compares it with what was submitted.

    Args:
        redis_url: the ledger.
        jobs: what was submitted, by id.

    Attributes:
        redis_url: the same; a row whose ledger moves sets it.
    """

    def __init__(self, redis_url: str, jobs: Mapping[str, Job]) -> None:
        self.redis_url = redis_url
        self._jobs = jobs
        self._first_seen: dict[str, bytes] = {}

    def wait(self, job_ids: Iterable[str], seconds: float) -> None:
        """Wait until all have ended or are unknown, or until the time is over."""
        pending = list(job_ids)
        deadline = time.monotonic() + seconds
        while pending and time.monotonic() < deadline:
            # A page at a time: reading all at once would be a load of its own.
            page, pending = pending[:PAGE], pending[PAGE:]
            try:
                pending += self._unfinished(page)
            except RedisError:
                pending += page
            time.sleep(POLL_SECONDS)

    def read(self, job_ids: Iterable[str]) -> dict[str, Record]:
        """The records of those jobs that the ledger knows."""
        with Redis.from_url(self.redis_url) as client:
            return {
                job_id: record
                for page in _pages(list(job_ids))
                for job_id, record in _read(client, page).items()
            }

    def verdict(
        self,
        accepted: Iterable[str],
        records: Mapping[str, Record],
        heard: Mapping[str, Sequence[bytes]],
        failing: Mapping[str, str],
    ) -> Verdict:
        """Judge every job.

        Args:
            accepted: ids whose submit returned.
            records: the ledger's records at the end of the round.
            heard: the published ends of each job.
            failing: the reason of each job that must fail.
        """
        verdict = Verdict()
        for job_id in accepted:
            verdict.jobs += 1
            record = records.get(job_id)
            if record is None:
                verdict.lost += 1
                verdict.lost_ids.append(job_id)
            elif not record.ended:
                verdict.stuck += 1
                verdict.remarks.append(f"{job_id}: {record.state} for ever")
            elif fault := self._fault(job_id, record, heard.get(job_id, ()), failing.get(job_id)):
                verdict.wrong += 1
                verdict.remarks.append(fault)
        return verdict

    def _fault(
        self, job_id: str, record: Record, heard: Sequence[bytes], due: str | None
    ) -> str | None:
        # As stored, as first seen, and as published: one end, so one text.
        texts = {record.result, self._first_seen.get(job_id, record.result), *heard}
        if len(texts) > 1 or len(heard) > 1:
            return f"{job_id}: {max(len(texts), len(heard))} ends"
        if record.result is None:
            return f"{job_id}: {record.state} without a result"
        result = json.loads(record.result)
        if record.state != JobState.SUCCEEDED:
            reason = result["result"]["exc_message"][0]
            return None if reason == due else f"{job_id}: {record.state}, {reason}"
        if due or result["status"] != "SUCCESS":
            return f"{job_id}: succeeded, but should be {due or result['status']}"
        return what_is_wrong(self._jobs[job_id], result["result"])

    def _unfinished(self, page: list[str]) -> list[str]:
        records = self.read(page)
        for job_id, record in records.items():
            if record.ended and record.result is not None:
                self._first_seen.setdefault(job_id, record.result)
        return [job_id for job_id, record in records.items() if not record.ended]


def result_of(record: Record) -> dict[str, Any]:
    """The stored result of a job that has one."""
    assert record.result is not None
    found: dict[str, Any] = json.loads(record.result)["result"]
    return found


def _pages(ids: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(ids), PAGE):
        yield ids[start : start + PAGE]


def _read(client: Redis, page: list[str]) -> dict[str, Record]:
    with client.pipeline(transaction=True) as pipeline:
        for job_id in page:
            pipeline.get(KEYS.job(job_id))
            pipeline.get(KEYS.result(job_id))
        answers = pipeline.execute()
    read = {
        job_id: (record_from(record), result)
        for job_id, record, result in zip(page, answers[::2], answers[1::2], strict=True)
    }
    return {
        job_id: Record(
            record["state"],
            record["submitted"] / 1000,
            record["finished"] / 1000 if "finished" in record else None,
            record.get("attempts", 0),
            record.get("claims", 0),
            result,
        )
        for job_id, (record, result) in read.items()
        if "state" in record
    }
