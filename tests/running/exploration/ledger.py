"""The ledger's real parts, working on the data of one state."""

from collections.abc import Coroutine, Iterable, Mapping
from functools import cache
from types import MappingProxyType
from typing import Any, Final, TypeVar
from unittest.mock import patch

from rerankq.contract import Job, JobState, Lane, RerankRequest, RerankResult, Timings
from rerankq.ledger import outcomes, sweep
from rerankq.ledger.batches import Batches
from rerankq.ledger.intake import Admission, Intake
from rerankq.ledger.leases import Finish, Lease, Leases, Postponement
from rerankq.ledger.record_fields import record_from
from rerankq.ledger.records import Records
from rerankq.ledger.sweep import Sweep
from rerankq.store.store import Retention
from running.keys import KEYS
from running.ledger_desk import claims_of
from running.small_redis.commands import execute
from running.small_redis.keyspace import Keyspace
from running.small_redis.store import SmallStore

T = TypeVar("T")

LEASE_SECONDS: Final = 0.8
STEP_MS: Final = 850
"""Longer than a lease and than the time after which a hint counts as lost; short enough that sweeps
in each step leave no gap in which nobody swept."""
LONG_SECONDS: Final = 3600.0
START_MS: Final = 1_700_000_000_000
LANE: Final = Lane.BULK
QUEUES: Final = (LANE.queue, LANE.redelivery_queue)
JOBS: Final = ("a", "b")
WORKERS: Final = ("first", "second")
RESCUER: Final = "rescuer"
"""The worker that is left after all others are gone."""


REQUEST: Final = RerankRequest(query="a query", documents=("a document",))


class Ledger:
    """Calls the ledger. The next call reads and changes `data`.

    Args:
        key: idempotency key of all jobs; None for none.
        store: the ledger's Redis.
    """

    def __init__(self, key: str | None = None, *, store: SmallStore | None = None) -> None:
        self.key = key
        self._store = store or SmallStore(Keyspace(START_MS))
        self._retention = retention = Retention(LONG_SECONDS, LONG_SECONDS)
        self._intake = Intake(self._store, max_queue_depth=10)
        self._records = Records(self._store, retention)
        self._leases = {
            worker: Leases(self._store, retention, worker=worker, lease_seconds=LEASE_SECONDS)
            for worker in (*WORKERS, RESCUER)
        }
        with patch.multiple(sweep, LOST_HINT_SECONDS=0.8, LOST_AGAIN_SECONDS=1.6):
            self._sweep = Sweep(self._store, retention, lease_seconds=LEASE_SECONDS)
        self.batch = ""

    @property
    def data(self) -> Keyspace:
        """What Redis holds."""
        return self._store.keyspace

    @data.setter
    def data(self, data: Keyspace) -> None:
        self._store.keyspace = data

    def open(self) -> None:
        """Begin with an empty Redis and a new batch."""
        self.data.clear()
        self.batch = answer_of(Batches(self._store, self._retention).open())

    def submit(self, job_id: str) -> Admission:
        """Submit a job."""
        job = Job(
            id=job_id, request=REQUEST, batch_id=self.batch, idempotency_key=self.key, lane=LANE
        )
        return answer_of(self._intake.submit([job]))[0]

    def submit_another(self, turn: int) -> None:
        """Submit a job that no rule checks, and announce it."""
        answer_of(self._intake.submit([Job(id=f"other-{turn}", request=REQUEST, lane=LANE)]))
        self.push_hint(f"other-{turn}")

    def serve_another(self, turn: int) -> None:
        """Serve the job of the turn before."""
        before = f"other-{turn - 1}"
        self.pull_hint(before)
        for lease in self.claim(RESCUER, before, before):
            self.finish(RESCUER, lease)

    def claim(self, worker: str, job_id: str, request: str) -> list[Lease]:
        """Claim a job, also a crash suspect."""
        claim = self._leases[worker].claim([job_id], alone=True, request=request)
        return answer_of(claim).leases

    def renew(self, worker: str, leases: Iterable[Lease]) -> set[str]:
        """Renew a worker's leases; returns the ids of the lost ones."""
        return answer_of(self._leases[worker].renew([*leases]))

    def finish(self, worker: str, lease: Lease) -> bool:
        """Write a ranking that shows under which lease it was made."""
        timings = Timings(waited_seconds=0, upstream_seconds=lease.token)
        ranking = RerankResult(
            job_id=lease.job_id, model="m", results=(), attempts=1, timings=timings
        )
        outcome = outcomes.success(ranking.encode())
        end = Finish(lease, 1, JobState.SUCCEEDED, outcome)
        return answer_of(self._leases[worker].finish([end]))[0]

    def postpone(self, worker: str, lease: Lease) -> bool:
        """Give a job back, to be tried again at once."""
        return answer_of(self._leases[worker].postpone([Postponement(lease, 1, 0.0)]))[0]

    def cancel(self, job_id: str) -> JobState:
        """Cancel a job that exists."""
        return answer_of(self._records.cancel(job_id))

    def sweep(self) -> list[str]:
        """One tick of the reconciler; returns the jobs to announce."""
        return [each for ids in answer_of(self._sweep.tick()).values() for each in ids]

    def push_hint(self, job_id: str, *, again: bool = False) -> None:
        """Put a hint into Celery's queue."""
        answer_of(self._store.command("LPUSH", QUEUES[again], job_id))

    def oldest_hints(self) -> list[str]:
        """The job that the oldest hint of each Celery queue names, if there is one."""
        hints = [self._command("LINDEX", queue, -1) for queue in QUEUES]
        return [hint.decode() for hint in hints if hint]

    def pull_hint(self, job_id: str) -> None:
        """Take the oldest hint out of a Celery queue if it names that job."""
        for queue in QUEUES:
            if self._command("LINDEX", queue, -1) == job_id.encode():
                answer_of(self._store.command("RPOP", queue))
                return

    def record(self, job_id: str) -> Mapping[str, Any]:
        """A job's record; empty if there is none."""
        return _record(self._command("GET", KEYS.job(job_id)))

    def is_current(self, lease: Lease) -> bool:
        """Whether the job runs under this lease, or nobody has claimed it since the lease."""
        record = self.record(lease.job_id)
        is_held = record["state"] is JobState.RUNNING or record.get("lapsed", False)
        return bool(is_held and not record["state"].ended and record["claims"] == claims_of(lease))

    def result(self, job_id: str) -> bytes | None:
        """A job's stored result."""
        result: bytes | None = self._command("GET", KEYS.result(job_id))
        return result

    def sets(self, job_id: str) -> list[str]:
        """The sets of its lane that contain a job."""
        return [
            state
            for state in ("queued", "scheduled", "running")
            if self._command("ZSCORE", f"rerankq:{LANE}:{state}", job_id) is not None
        ]

    def lease_ends(self, job_id: str) -> int:
        """The time in ms at which a running job's lease expires."""
        return int(self._command("ZSCORE", f"rerankq:{LANE}:running", job_id) or 0)

    def has_payload(self, job_id: str) -> bool:
        """Whether the job's payload is stored."""
        return bool(self._command("EXISTS", f"rerankq:payload:{job_id}"))

    def entries(self) -> list[str]:
        """The entries of the batch, in order."""
        stored: list[bytes] = self._command("LRANGE", f"rerankq:batch:{self.batch}:entries", 0, -1)
        return [each.decode() for each in stored]

    def counts(self) -> dict[str, int]:
        """The counts of the batch."""
        parts: list[bytes] = self._command("HGETALL", f"rerankq:batch:{self.batch}")
        fields = zip(parts[::2], parts[1::2], strict=True)
        return {name.decode(): int(each) for name, each in fields if each.lstrip(b"-").isdigit()}

    def key_owner(self) -> tuple[str | None, int]:
        """The job that the idempotency key belongs to, and for how many ms; -1 for always."""
        name = f"rerankq:idempotency:{self.key}"
        owner: bytes | None = self._command("HGET", name, "id")
        return owner.decode() if owner else None, self._command("PTTL", name)

    def _command(self, *parts: str | int) -> Any:
        return execute(self.data, *(str(part).encode() for part in parts))


@cache
def _record(stored: bytes | None) -> Mapping[str, Any]:
    # Cached, because most moves leave most records unchanged.
    return MappingProxyType(record_from(stored))


def answer_of(call: Coroutine[Any, Any, T]) -> T:
    """The answer of a call to a small Redis, which never waits."""
    try:
        call.send(None)
    except StopIteration as end:
        answer: T = end.value
        return answer
    raise AssertionError("a call to the small Redis waited")
