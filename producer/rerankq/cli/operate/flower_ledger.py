"""Keeps what Flower shows true to the ledger.

Flower knows of a job what it has heard. It hears nothing while it is down, nothing of a worker that
was killed, and nothing of a job that a client has cancelled while it waited. So each job that has
not ended, and of which nothing was heard for a while, is looked up in the ledger. So is a job whose
page is asked for and that Flower has never heard of.

What the ledger says is given to Flower as the event that it has missed.
"""

import asyncio
import logging
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from celery import states
from celery.events.state import Task
from flower.events import EventsState

from rerankq.contract import TASK_NAME, JobState
from rerankq.errors import LedgerUnavailable
from rerankq.ledger.failures import Failure
from rerankq.ledger.records import Records

log = logging.getLogger(__name__)

CHECK_SECONDS: Final = 5.0
SILENT_SECONDS: Final = 10.0
"""So long after its last event a job is looked up; events come within a second."""
MOST_TOGETHER: Final = 500
NOT_ENDED: Final = frozenset({states.RECEIVED, states.STARTED, states.RETRY})
UNKNOWN: Final = "unknown"
"""The state of a job that the ledger does not know any more: its record was past its retention."""
_JOB_ID: Final = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
_MS: Final = 1000
_MOST_CHARACTERS: Final = 100
_ARGUMENTS: Final = {
    "custom_id": "custom",
    "batch_id": "batch",
    "tenant": "tenant",
    "lane": "lane",
}
"""A job's arguments as Flower shows them, and their names in its record."""
Told = tuple[str, float, dict[str, Any]]
"""The kind of a Celery event, its time in Unix seconds, and its fields."""


class LedgerView:
    """Tells Flower's state what the ledger says.

    Args:
        records: the ledger.
        state: what Flower knows.
    """

    def __init__(self, records: Records, state: EventsState) -> None:
        self._records = records
        self._state = state
        self._checked: dict[str, float] = {}
        self._is_away = False

    async def look_up(self, job_id: str) -> None:
        """Let Flower know of a job that it has never heard of, if there is one of this id."""
        if job_id in self._state.tasks or not _JOB_ID.fullmatch(job_id):
            return
        for record in (await self._read([job_id])).values():
            if record and job_id not in self._state.tasks:
                for told in _heard_of(record):
                    self._tell(job_id, record, told)

    async def run(self) -> None:
        """Check until cancelled."""
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            await self.check(time.time())

    async def check(self, now: float) -> None:
        """Look up jobs that have not ended, and of which nothing was heard for a while.

        Args:
            now: the time, in Unix seconds.
        """
        silent = self._silent(now)
        for job_id, record in (await self._read(silent)).items():
            self._checked[job_id] = now
            task = self._state.tasks.data.get(job_id)
            # It may have been heard of, or left the memory, meanwhile.
            if task is not None and task.state in NOT_ENDED and (record or task.name):
                told = _missed(task, record, now)
                if told and task.name is None:
                    # Only its beginning was missed, which names it.
                    self._tell(job_id, record, _received(record))
                if told:
                    self._tell(job_id, record, told)

    def _silent(self, now: float) -> list[str]:
        open_jobs = {
            job_id: task for job_id, task in self._state.itertasks() if task.state in NOT_ENDED
        }
        self._checked = {name: at for name, at in self._checked.items() if name in open_jobs}
        last = {
            name: max(task.timestamp or 0.0, self._checked.get(name, 0.0))
            for name, task in open_jobs.items()
            # A message, which a worker with RERANKQ_TASK_EVENTS=messages shows, is its own root.
            if task.root_id is None
        }
        # Those first of which nothing is known for the longest time.
        silent = sorted((at, name) for name, at in last.items() if now - at > SILENT_SECONDS)
        return [name for _, name in silent[:MOST_TOGETHER]]

    def _tell(self, job_id: str, record: Mapping[str, Any], told: Told) -> None:
        # Not by the state's `event`, which would count it as a sign of life of the worker.
        state, (kind, at, fields) = self._state, told
        oldest = next(iter(state.tasks), None)
        task, _ = state.get_or_create_task(job_id)
        if node := _node(record):
            task.worker, _ = state.get_or_create_worker(node)
        task.event(kind, at, None, fields)
        if oldest is not None and oldest not in state.tasks:
            # It made room for this one.
            state.search_engine.remove(oldest)
        state.search_engine.upsert(task)

    async def _read(self, job_ids: Sequence[str]) -> dict[str, Mapping[str, Any]]:
        """The records of these jobs; of a job without one, nothing is in it."""
        try:
            found = await self._records.fields(job_ids)
        except LedgerUnavailable as error:
            if not self._is_away:
                self._is_away = True
                log.warning("what is shown is not compared with the ledger: %s", error)
            return {}
        self._is_away = False
        return dict(zip(job_ids, found, strict=True))


def _heard_of(record: Mapping[str, Any]) -> Iterator[Told]:
    """What would have been heard of a job by now."""
    begun = _seconds(record, "started", "submitted")
    yield _received(record)
    match record.get("state"):
        case JobState.RUNNING:
            yield "started", begun, {}
        case JobState.QUEUED | JobState.SCHEDULED:
            yield _waits(record, begun)
        case _:
            yield _ended(record, begun)


def _received(record: Mapping[str, Any]) -> Told:
    shown = {
        name: str(record[field])[:_MOST_CHARACTERS]
        for name, field in _ARGUMENTS.items()
        if field in record
    }
    named = {"name": TASK_NAME, "args": "()", "kwargs": repr(shown), "retries": 0}
    return "received", _seconds(record, "started", "submitted"), named


def _missed(task: Task, record: Mapping[str, Any], now: float) -> Told | None:
    """What Flower has missed; None when it is up to date."""
    state = record.get("state")
    if state is None:
        return UNKNOWN, now, {"exception": "the ledger does not know it any more"}
    if state.ended:
        return _ended(record, now)
    if state is JobState.RUNNING:
        has_moved = task.worker is not None and task.worker.hostname != _node(record)
        if task.state == states.STARTED and not has_moved:
            return None
        return "started", _seconds(record, "started") or now, {}
    return None if task.state == states.RETRY else _waits(record, now)


def _waits(record: Mapping[str, Any], at: float) -> Told:
    failure: Failure | None = record.get("failure")
    why = f"{failure.code}: it waits for another attempt" if failure else "it waits for a worker"
    return "retried", at, {"exception": why, "retries": record.get("attempts", 0)}


def _ended(record: Mapping[str, Any], at: float) -> Told:
    at = _seconds(record, "finished") or at
    match record["state"]:
        case JobState.SUCCEEDED:
            result = f"ranked in attempt {record.get('attempts', 0)}"
            return "succeeded", at, {"result": result, "exception": None}
        case JobState.FAILED:
            return "failed", at, {"exception": record.get("reason", "")}
        case state:
            return "revoked", at, {"expired": state is JobState.EXPIRED}


def _node(record: Mapping[str, Any]) -> str:
    """The Celery node of the worker that has, or had, the job; empty for none."""
    # Its name in the ledger has a random part behind the last dot.
    return str(record.get("worker", "")).rpartition(".")[0]


def _seconds(record: Mapping[str, Any], *names: str) -> float:
    found = next((record[name] for name in names if record.get(name)), 0)
    return float(found) / _MS
