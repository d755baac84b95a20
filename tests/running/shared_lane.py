"""A lane that tenants share: the ledger's real scripts on a small Redis, and hints as they come."""

from collections import deque
from collections.abc import Sequence
from typing import Final

from rerankq.contract import (
    Job,
    JobState,
    Lane,
    RankedDocument,
    RerankRequest,
    RerankResult,
    Timings,
)
from rerankq.ledger import outcomes
from rerankq.ledger.intake import Admission, Intake
from rerankq.ledger.leases import Finish, Lease, Leases, new_request
from rerankq.ledger.sweep import LOST_HINT_SECONDS, Sweep
from rerankq.ledger.tenants import Tenants
from rerankq.ledger.tokens import Tokens
from rerankq.store.store import Retention
from running.exploration.ledger import answer_of
from running.keys import KEYS
from running.small_redis.keyspace import Keyspace
from running.small_redis.store import SmallStore

START_MS: Final = 1_700_000_000_000
LEASE_SECONDS: Final = 3600.0
LANE: Final = Lane.BULK
TOKENS_A_WORD: Final = 1


class SharedLane:
    """Submits jobs of tenants, and claims them by their hints, the oldest first.

    Attributes:
        hints: names in Celery's queue.
        served: the jobs that were claimed, in their order.
    """

    def __init__(self) -> None:
        self.store = SmallStore(Keyspace(START_MS))
        self.hints: deque[str] = deque()
        self.served: list[Lease] = []
        self.costs: dict[str, int] = {}
        self._intake = Intake(self.store, max_queue_depth=1_000_000)
        self.tenants = Tenants(self.store, Tokens(self.store))
        retention = Retention(LEASE_SECONDS, LEASE_SECONDS)
        self.leases = Leases(self.store, retention, worker="w", lease_seconds=LEASE_SECONDS)
        self._sweep = Sweep(self.store, retention, lease_seconds=LEASE_SECONDS)

    def set(self, name: str, *, weight: float = 1.0, in_flight: int | None = None) -> None:
        """Set a tenant."""
        answer_of(self.tenants.set(name, weight=weight, in_flight=in_flight))

    def submit(self, tenant: str | None, costs: Sequence[int]) -> list[str]:
        """Record jobs of so many tokens, and announce them; returns their ids."""
        jobs = []
        for cost in costs:
            words = " ".join(["w"] * (cost - 1))
            request = RerankRequest(query="q", documents=(words,))
            job = Job(id=f"{tenant}:{len(self.costs)}", request=request, lane=LANE, tenant=tenant)
            self.costs[job.id] = cost
            jobs.append(job)
        admissions: list[Admission] = answer_of(self._intake.submit(jobs))
        assert {each.verdict for each in admissions} <= {"accepted"}
        self.hints.extend(job.id for job in jobs)
        return [job.id for job in jobs]

    def claim(self, most: int, *, request: str | None = None) -> list[str]:
        """Claim by the oldest hints; returns the jobs that were given."""
        names = [self.hints.popleft() for _ in range(min(most, len(self.hints)))]
        return self.claim_named(names, request=request)

    def claim_named(self, names: Sequence[str], *, request: str | None = None) -> list[str]:
        """Claim by these hints."""
        leases = answer_of(self.leases.claim(names, request=request or new_request())).leases
        for lease in leases:
            assert Job.parse(lease.payload).id == lease.job_id, "a lease comes with its own job"
            assert (lease.named or lease.job_id) in names, "each lease is for one of the names"
        assert len({lease.named or lease.job_id for lease in leases}) == len(leases)
        self.served += leases
        return [lease.job_id for lease in leases]

    def finish(self, job_id: str) -> None:
        """End a job that runs."""
        lease = next(each for each in reversed(self.served) if each.job_id == job_id)
        ranked = RankedDocument(index=0, relevance_score=0.5)
        ranking = RerankResult(
            job_id=job_id,
            model="m",
            results=(ranked,),
            attempts=1,
            timings=Timings(waited_seconds=0, upstream_seconds=0),
        )
        end = Finish(lease, 1, JobState.SUCCEEDED, outcomes.success(ranking.encode()))
        assert answer_of(self.leases.finish([end])) == [True]

    def sweep(self, seconds: float = 0.6) -> list[str]:
        """Let time pass, and sweep; what is announced again joins the hints."""
        keyspace = self.store.keyspace
        keyspace.set_clock(keyspace.now_ms + int(seconds * 1000))
        queue = [each.encode() for each in self.hints]
        answer_of(self.store.command("DEL", LANE.queue))
        if queue:
            answer_of(self.store.command("LPUSH", LANE.queue, *queue))
        announced = [each for ids in answer_of(self._sweep.tick()).values() for each in ids]
        self.hints.extend(announced)
        return announced

    def sweep_until_lost(self) -> None:
        """Sweep until the hints that are not there any more count as lost."""
        for _ in range(int(LOST_HINT_SECONDS / 0.6) + 3):
            self.sweep()

    def forget(self, *names: str) -> None:
        """Delete keys, as somebody might by hand."""
        answer_of(self.store.command("DEL", *names))

    def size(self, key: str) -> int:
        """How many members a sorted set has."""
        found: int = answer_of(self.store.command("ZCARD", key))
        return found

    def running(self, tenant: str) -> int:
        """How many jobs of a tenant run."""
        return self.size(KEYS.tenant_running(tenant))


def tenant_of(job_id: str) -> str:
    """Whose job it is."""
    return job_id.partition(":")[0]
