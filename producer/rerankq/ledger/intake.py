"""Submit: a job is accepted if, and only if, it is recorded in the ledger."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from secrets import token_hex
from typing import Any, Final, NamedTuple

from rerankq.contract import DEFAULT_MODEL, Job
from rerankq.cost.tokens import load
from rerankq.errors import LedgerUnavailable
from rerankq.ledger.callback_workers import CallbackWorkers
from rerankq.ledger.outbox import check_callbacks
from rerankq.ledger.payload import Packer, unpacked
from rerankq.ledger.scripts import SUBMIT, SUBMIT_STAGED
from rerankq.store.script import Argument
from rerankq.store.store import BESIDE_FROM, Store

CALL_JOBS: Final = 100
"""Most jobs that are recorded in one call: more would save little, and block Redis for longer."""
CALL_BYTES: Final = 4 * 1024 * 1024
LARGE_BYTES: Final = 16 * 1024
"""From this size on the ledger notes how large a payload is: its lease is longer by the time that
it takes to arrive. Smaller ones arrive well within a lease, however many come with a claim."""
UNCOSTED: Final = "uncosted"
"""What the scripts say of a job whose batch has a budget, and that does not tell its cost."""
MOST_BUDGETED: Final = 10_000
SEARCHABLE_BYTES: Final = 1024
"""So much of a job's metadata is in its record, and in the history; its result has all of it."""


class Verdict(StrEnum):
    """What became of a job that was submitted."""

    ACCEPTED = "accepted"
    SCHEDULED = "scheduled"
    EXISTING = "existing"
    CONFLICT = "conflict"
    FULL = "full"
    NO_BATCH = "no_batch"
    CLOSED = "closed"
    QUOTA = "quota"
    TAKEN = "taken"
    NO_WEBHOOK = "no_webhook"


HELD_UP: Final = frozenset({Verdict.FULL, Verdict.QUOTA})
"""Verdicts on jobs that may be accepted later."""


@dataclass(frozen=True, slots=True)
class Admission:
    """The verdict on one job.

    Attributes:
        verdict: what became of it.
        job_id: its id, or the earlier job's when the key belongs to one.
        quota: what is used up: `requests`, `tokens`, `queued`, `day` or `disabled` of the tenant,
            its `budget`, the `batch_budget`; or `unpriced`: a budget in money, and no price.
        retry_after: seconds until it would be taken; None when that is not known.
    """

    verdict: Verdict
    job_id: str
    quota: str = ""
    retry_after: float | None = None


class PreparedJob(NamedTuple):
    """A job that can be recorded: encoded, and known to be valid.

    Attributes:
        id: its id.
        head: what the ledger itself needs to know of it.
        payload: what is stored, and claimed by a worker.
    """

    id: str
    head: dict[str, Any]
    payload: bytes

    @property
    def traceparent(self) -> str | None:
        """The span that it was submitted in, in W3C's form."""
        trace: str | None = self.head.get("trace")
        return trace


class Intake:
    """Writes jobs into the ledger."""

    def __init__(self, store: Store, *, max_queue_depth: int) -> None:
        self._store = store
        self._keys = store.keys
        self._max_queue_depth = max_queue_depth
        self._packer = Packer()
        self._callback_workers = CallbackWorkers(store)
        self._has_callbacks = False
        # An estimate costs more than all else, so it is made for batches that are known to need it.
        self._budgeted: set[str] = set()

    def prepare(self, job: Job) -> PreparedJob:
        """The job as it is recorded.

        Raises:
            InvalidRequest: it is too large, not valid Unicode, or a tenant's that names a task.
        """
        check_callbacks(job.callbacks, job.tenant)
        if job.callbacks:
            self._has_callbacks = True
        payload = self._packer.packed(job.encode())
        head = _head(job, len(payload))
        if job.batch_id in self._budgeted:
            head.setdefault("cost", _cost(job))
        return PreparedJob(job.id, head, payload)

    async def submit(self, jobs: Sequence[Job]) -> list[Admission]:
        """Record jobs in their order; return for each what became of it.

        Raises:
            InvalidRequest: a job is too large, or not valid Unicode. None is recorded.
            LedgerUnavailable: as `submit_prepared` says.
        """
        return await self.submit_prepared([self.prepare(job) for job in jobs])

    async def submit_prepared(self, jobs: Sequence[PreparedJob]) -> list[Admission]:
        """Record jobs in their order; return for each what became of it.

        One step and one round trip, unless they are many or large: then several. After a step
        in which a lane was full, or a quota used up, the jobs of later steps are not sent and count
        as held up too.
        Safe to repeat with the same jobs when an answer was lost.

        Raises:
            LedgerUnavailable: Redis did not answer: the jobs may or may not be recorded.
        """
        if self._has_callbacks:
            self._has_callbacks = False
            await self._callback_workers.warn()
        admissions: list[Admission] = []
        for portion in _portions(jobs):
            try:
                admissions += await self._record(portion)
            except LedgerUnavailable as error:
                # Uncertain for all of them together: earlier portions are recorded.
                error.uncertain = error.uncertain or bool(admissions)
                raise
            if held_up := next((each for each in admissions if each.verdict in HELD_UP), None):
                later = jobs[len(admissions) :]
                return admissions + [replace(held_up, job_id=job.id) for job in later]
        return admissions

    async def _record(self, jobs: Sequence[PreparedJob]) -> list[Admission]:
        admissions = await self._recorded(jobs)
        asked = [at for at, each in enumerate(admissions) if each.quota == UNCOSTED]
        if asked:
            for at in asked:
                self._tell_cost(jobs[at])
            try:
                admissions = await self._recorded(jobs)
            except LedgerUnavailable as error:
                # The first call may have recorded some of them.
                error.uncertain = True
                raise
        return admissions

    def _tell_cost(self, job: PreparedJob) -> None:
        """Add to the head of a batch's job what it is estimated to cost: its batch has a budget."""
        if "batch" in job.head and "cost" not in job.head:
            job.head["cost"] = _cost(Job.parse(unpacked(job.payload)))
            if len(self._budgeted) >= MOST_BUDGETED:
                self._budgeted.clear()
            self._budgeted.add(job.head["batch"])

    async def _recorded(self, jobs: Sequence[PreparedJob]) -> list[Admission]:
        heads = [job.head for job in jobs]
        mark = ""
        if BESIDE_FROM <= len(jobs) == len({job.id for job in jobs}):
            # If no job is known, payloads need not pass through the script: half the cost.
            mark = self._keys.submitting(token_hex(8))
            placed: list[Argument] = ["MSETNX", mark, 1]
            for job in jobs:
                placed += (self._keys.payload(job.id), job.payload)
            staged = SUBMIT_STAGED(most=self._max_queue_depth, jobs=heads, mark=mark)
            answers = await self._store.run_behind(placed, staged)
            if answers:
                return _admissions(jobs, answers)
        payloads = tuple(job.payload for job in jobs)
        call = SUBMIT(most=self._max_queue_depth, jobs=heads, mark=mark, payloads=payloads)
        try:
            answers = await self._store.run(call)
        except LedgerUnavailable as error:
            # Some of them are known: they were submitted earlier, or a try's answer was lost.
            error.uncertain = error.uncertain or bool(mark)
            raise
        return _admissions(jobs, answers)


def _portions(jobs: Sequence[PreparedJob]) -> Iterator[Sequence[PreparedJob]]:
    """The jobs in portions, one for each call: Redis serves no other client during a call."""
    start = size = 0
    for at, job in enumerate(jobs):
        if at > start and (at - start == CALL_JOBS or size + len(job.payload) > CALL_BYTES):
            yield jobs[start:at]
            start, size = at, 0
        size += len(job.payload)
    if start < len(jobs):
        yield jobs[start:]


def _head(job: Job, size: int) -> dict[str, Any]:
    """What the ledger itself needs to know of a job whose payload has so many bytes."""
    head: dict[str, Any] = {"id": job.id, "lane": job.lane}
    if size >= LARGE_BYTES:
        head["bytes"] = size
    if job.deadline_seconds is not None:
        head["deadline"] = int(job.deadline_seconds * 1000)
    if job.not_before is not None:
        head["not_before"] = int(job.not_before * 1000)
    if job.batch_id is not None:
        head["batch"] = job.batch_id
    if job.custom_id is not None:
        head["custom"] = job.custom_id
    head |= _for_lists(job)
    head |= _accounted(job)
    if job.keep_seconds is not None:
        head["keep"] = int(job.keep_seconds * 1000)
    head |= _trace(job)
    if job.callbacks:
        head["callbacks"] = [each.model_dump(exclude_none=True) for each in job.callbacks]
    if job.idempotency_key is not None:
        head |= {"key": job.idempotency_key, "fingerprint": _fingerprint(job)}
    return head


def _accounted(job: Job) -> dict[str, Any]:
    """Whose books it is in, and what it is estimated to cost."""
    return {} if job.tenant is None else {"tenant": job.tenant, "cost": _cost(job)}


def _trace(job: Job) -> dict[str, str]:
    trace = job.trace_context.get("traceparent")
    return {"trace": trace} if trace else {}


def _for_lists(job: Job) -> dict[str, Any]:
    """What only lists of jobs and the history need of it."""
    told: dict[str, Any] = {}
    if job.request.model != DEFAULT_MODEL:
        told["model"] = job.request.model
    if job.metadata:
        told["metadata"] = searchable(job.metadata)
    return told


def searchable(metadata: Mapping[str, str]) -> dict[str, str]:
    """The first entries of metadata, as many as a record or a row of the history may hold."""
    size, kept = 0, {}
    for key, value in metadata.items():
        size += len(key.encode()) + len(value.encode())
        if size > SEARCHABLE_BYTES:
            break
        kept[key] = value
    return kept


def _cost(job: Job) -> int:
    """Estimated tokens of the job: by these tenants share a lane, and use up quotas and budgets."""
    request = job.request
    return load(request.query, request.texts())


def _fingerprint(job: Job) -> str:
    return hashlib.sha256(job.request.encode()).hexdigest()


def _admissions(jobs: Sequence[PreparedJob], answers: Sequence[str]) -> list[Admission]:
    return [_admission(job, answer) for job, answer in zip(jobs, answers, strict=True)]


def _admission(job: PreparedJob, answer: str) -> Admission:
    if answer == _ACCEPTED:
        return Admission(Verdict.ACCEPTED, job.id)
    verdict, _, detail = answer.partition(":")
    if verdict == Verdict.QUOTA:
        quota, _, wait_ms = detail.partition(":")
        return Admission(Verdict.QUOTA, job.id, quota, int(wait_ms) / 1000 if wait_ms else None)
    return Admission(Verdict(verdict), detail or job.id)


_ACCEPTED: Final = Verdict.ACCEPTED.value
"""Almost every answer is this one."""
