"""The ledger's classes with blocking calls, for tests that follow a job step by step."""

import asyncio
import json
from collections.abc import Coroutine, Sequence
from typing import Any, Final, Self, TypeVar

from redis import Redis

from rerankq.accounts.accounts import Accounts, Allotment, Limits, Report
from rerankq.accounts.breakers import BreakerState, SharedBreakers, Trip
from rerankq.contract import Job, JobState, JobStatus, Lane, RerankRequest, RerankResult, Timings
from rerankq.errors import JobFailed
from rerankq.events import Events
from rerankq.ledger import outcomes
from rerankq.ledger.batches import Batches
from rerankq.ledger.ends import End
from rerankq.ledger.intake import Admission, Intake
from rerankq.ledger.leases import Finish, Lease, Leases, Postponement
from rerankq.ledger.record_fields import record_from
from rerankq.ledger.records import Records
from rerankq.ledger.sweep import Sweep
from rerankq.store.store import Retention, Store
from running.keys import KEYS
from running.waiting import eventually

T = TypeVar("T")

LONG = 60.0
NO_LIMITS: Final = Limits()
ACCOUNT_TIMES: Final = (
    *("at", "born", "turn", "since", "pause", "pause_since", "reopens", "mode_since"),
    *("scarce_at", "bulk_at", "interactive_at", "crowded_at", "slots_since", "trial_at"),
    *("well_at", "other_at", "lost_at"),
)


def job(job_id: str, **fields: Any) -> Job:
    """A small job."""
    request = RerankRequest(query="a query", documents=("first", "second"))
    return Job.model_validate({"id": job_id, "request": request} | fields)


def ranking(job_id: str) -> RerankResult:
    """A result for a job."""
    timings = Timings(waited_seconds=0, upstream_seconds=0)
    return RerankResult(job_id=job_id, model="m", results=(), attempts=1, timings=timings)


class LedgerDesk:
    """Calls the ledger; each call blocks until it is answered.

    Args:
        url: the ledger's Redis.
        result_ttl: seconds to keep results.
        lease_seconds: length of the leases.
        max_queue_depth: most unfinished jobs a lane.
    """

    def __init__(
        self,
        url: str,
        *,
        result_ttl: float = LONG,
        lease_seconds: float = LONG,
        max_queue_depth: int = 1000,
    ) -> None:
        self.redis = Redis.from_url(url)
        self._runner = asyncio.Runner()
        self.store = Store(url)
        self.retention = Retention(result_ttl, result_ttl)
        self.intake = Intake(self.store, max_queue_depth=max_queue_depth)
        self.events = Events()
        self.records = Records(self.store, self.retention, self.events)
        self.batches = Batches(self.store, self.retention, events=self.events)
        self.accounts = Accounts(self.store)
        self.breakers = SharedBreakers(self.store)
        self._lease_seconds = lease_seconds

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.run(self.store.close())
        self._runner.close()
        self.redis.close()

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine to its end."""
        return self._runner.run(coroutine)

    def leases(self, worker: str = "w", lease_seconds: float | None = None) -> Leases:
        """The ledger as a worker sees it."""
        seconds = self._lease_seconds if lease_seconds is None else lease_seconds
        return Leases(
            self.store, self.retention, worker=worker, lease_seconds=seconds, events=self.events
        )

    def submit(self, *jobs: Job) -> list[Admission]:
        """Submit jobs."""
        return self.run(self.intake.submit(jobs))

    def claim(
        self, *job_ids: str, lease_seconds: float | None = None, worker: str = "w"
    ) -> list[Lease]:
        """Claim jobs, also crash suspects."""
        leases = self.leases(worker, lease_seconds)
        return self.run(leases.claim(job_ids, alone=True)).leases

    def claimed(self, job_id: str, *, lease_seconds: float | None = None, **fields: Any) -> Lease:
        """Submit a job and claim it."""
        self.submit(job(job_id, **fields))
        (lease,) = self.claim(job_id, lease_seconds=lease_seconds)
        return lease

    def renew(self, *leases: Lease) -> set[str]:
        """Renew leases; returns the ids of the lost ones."""
        return self.run(self.leases().renew(leases))

    def succeed(self, lease: Lease, *, attempts: int = 1, tokens: int = 0) -> bool:
        """Finish a job with a ranking."""
        outcome = outcomes.success(ranking(lease.job_id).encode())
        finish = Finish(lease, attempts, JobState.SUCCEEDED, outcome, tokens=tokens)
        return self.run(self.leases().finish([finish]))[0]

    def fail(
        self,
        lease: Lease,
        reason: str = "upstream_refused",
        *,
        said: str = "",
        message: str = "no",
    ) -> bool:
        """Finish a job with a failure."""
        outcome = outcomes.failure(JobFailed(reason, message, status=400, request_id="2025"))
        return self.run(
            self.leases().finish([Finish(lease, 1, JobState.FAILED, outcome, reason, said)])
        )[0]

    def postpone(self, lease: Lease, seconds: float, *, attempts: int = 1) -> bool:
        """Give a job back for later."""
        return self.run(self.leases().postpone([Postponement(lease, attempts, seconds)]))[0]

    def cancel(self, job_id: str) -> JobState:
        """Cancel a job."""
        return self.run(self.records.cancel(job_id))

    def status(self, job_id: str) -> JobStatus:
        """Ask for a job's status."""
        return self.run(self.records.status(job_id))

    def state(self, job_id: str) -> JobState:
        """Ask for a job's state."""
        return self.status(job_id).state

    def end(self, job_id: str) -> End | None:
        """Ask for a job's end."""
        return dict(self.run(self.records.ends([job_id]))).get(job_id)

    def sweep(self, *, lease_seconds: float | None = None) -> list[str]:
        """One tick, also soon after another one; returns the ids to announce, in all lanes."""
        self.redis.delete("rerankq:sweeping")
        seconds = self._lease_seconds if lease_seconds is None else lease_seconds
        sweep = Sweep(self.store, self.retention, lease_seconds=seconds, events=self.events)
        return [each for ids in self.run(sweep.tick()).values() for each in ids]

    def end_lease_grace(self) -> None:
        """Pretend that sweeps were regular, so that expired leases are not spared any more."""
        self.redis.hset("rerankq:sweeper", mapping={"last": self.now_ms(), "lease_grace": 0})

    def now_ms(self) -> int:
        """Redis' clock."""
        seconds, micros = self.redis.time()
        return int(seconds) * 1000 + int(micros) // 1000

    def let_run_out(self, job_id: str) -> None:
        """Wait until the job's lease has expired."""
        eventually(
            lambda: (self.score(job_id, "running") or 0) < self.now_ms(), "the lease is over"
        )

    def score(self, job_id: str, state: str, lane: Lane = Lane.BULK) -> float | None:
        """The job's place in a set of its lane."""
        score: float | None = self.redis.zscore(f"rerankq:{lane}:{state}", job_id)
        return score

    def places(self, job_id: str) -> list[str]:
        """The sets of all lanes that contain the job."""
        return [
            f"{lane}:{state}"
            for lane in Lane
            for state in ("queued", "scheduled", "running")
            if self.score(job_id, state, lane) is not None
        ]

    def exchange(
        self,
        worker: str = "w",
        limits: Limits = NO_LIMITS,
        *,
        account: str = "a",
        lane: Lane = Lane.BULK,
        **told: Any,
    ) -> Allotment:
        """Report to an account as a worker, and take its permits."""
        return self.run(self.accounts.exchange(account, worker, limits, Report(lane.value, **told)))

    def look(self, account: str = "a") -> Allotment:
        """Look at an account."""
        return self.run(self.accounts.look(account))

    def trip(self, name: str, **fields: Any) -> BreakerState | None:
        """Trip a breaker."""
        trip = Trip(**({"code": "a_code", "reason": "a reason"} | fields))
        opened = self.run(self.breakers.trip(name, trip))
        return opened.state if opened else None

    def probe(self, *names: str) -> bool:
        """Ask for the turn to probe breakers."""
        return self.run(self.breakers.probe(*names))

    def let_pass(self, seconds: float, account: str = "a") -> None:
        """Set all times of an account and of the breakers back, as if so much time had passed."""
        key = f"rerankq:account:{account}"
        for name in ACCOUNT_TIMES:
            if self.redis.hexists(key, name):
                self.redis.hincrbyfloat(key, name, -seconds * 1000)
        if served := self.redis.hget(key, "served"):
            earlier = {name: at - seconds * 1000 for name, at in json.loads(served).items()}
            self.redis.hset(key, "served", json.dumps(earlier))
        for worker, _ in self.redis.zscan_iter(f"{key}:workers"):
            self.redis.zincrby(f"{key}:workers", -seconds * 1000, worker)
        for breaker, stored in self.redis.hgetall("rerankq:circuits").items():
            fields = json.loads(stored)
            for each in ("since", "struck_at", "probe_at"):
                fields[each] -= seconds * 1000
            self.redis.hset("rerankq:circuits", breaker, json.dumps(fields))

    def record(self, job_id: str) -> dict[str, Any]:
        """A job's record; empty if there is none."""
        stored: Any = self.redis.get(KEYS.job(job_id))
        return record_from(stored)

    def alter_record(self, job_id: str, **fields: Any) -> None:
        """Change fields of a job's record behind the ledger's back."""
        self.redis.set(KEYS.job(job_id), json.dumps(self.record(job_id) | fields))

    def silence(self, worker: str, seconds: float) -> None:
        """Pretend that the worker has been silent for this time."""
        heard = {worker: self.now_ms() - seconds * 1000}
        assert self.redis.zadd("rerankq:workers", heard, xx=True, ch=True)

    def has_payload(self, job_id: str) -> bool:
        """Whether the job's payload is still stored."""
        return bool(self.redis.exists(f"rerankq:payload:{job_id}"))


def claims_of(lease: Lease) -> int:
    """Which claim of its job gave the lease, counted from 1."""
    return lease.token >> 32


def ids(admissions: Sequence[Admission] | Sequence[Lease]) -> list[str]:
    """The job ids of these."""
    return [each.job_id for each in admissions]
