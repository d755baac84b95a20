"""A client without a ledger, whose every text tries to become markup; for tests of the console."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any, Final

from rerankq.accounts.accounts import Allotment, Limits
from rerankq.accounts.breakers import BreakerState, TrippedBreaker
from rerankq.client.replaying import Replayed
from rerankq.client.upstream import UpstreamStatus
from rerankq.contract import (
    AuditEntry,
    BatchState,
    BatchStatus,
    JobCall,
    JobPage,
    JobState,
    JobStep,
    JobSummary,
    JobTimeline,
    Lane,
    Principal,
    RankedDocument,
    RerankResult,
    Tenant,
    TenantUse,
    Timings,
    Usage,
    WaitReason,
    Webhook,
)
from rerankq.contract.webhook import Disabled
from rerankq.errors import JobNotFound
from rerankq.ledger.dead import DeadLetter
from rerankq.ledger.lane_readings import LaneReading
from rerankq.ledger.presence import KnownWorker

HOSTILE: Final = "\"'><script>alert(1)</script><img src=x onerror=alert(2)>"
SESSION: Final = "s" * 43
AT: Final = 1_782_000_000.0

JOB: Final = JobSummary(
    id="job-1",
    state=JobState.FAILED,
    lane=Lane.BULK,
    submitted_at=AT,
    started_at=AT,
    finished_at=AT + 1,
    reason=HOSTILE,
    batch_id="batch-1",
    custom_id=HOSTILE,
    tenant=HOSTILE,
    model=HOSTILE,
    metadata={HOSTILE: HOSTILE},
    call=JobCall(seconds=0.2, tokens=7),
)
WAITING: Final = JOB.model_copy(update={"state": JobState.QUEUED, "finished_at": None})
WAIT: Final = WaitReason(code="throttled", message=HOSTILE, account=HOSTILE)
BATCH: Final = BatchStatus(
    id="batch-1",
    sealed=True,
    total=10,
    rejected=0,
    succeeded=4,
    failed=1,
    cancelled=0,
    expired=0,
    state=BatchState.RUNNING,
    queued=3,
    running=2,
    scheduled=0,
    held=0,
    created_at=AT,
    reasons={HOSTILE: 1},
    metadata={HOSTILE: HOSTILE},
    rate=1.5,
    seconds_left=3.0,
    waits=(WAIT,),
)
LETTER: Final = DeadLetter(
    id="job-1",
    reason=HOSTILE,
    message=HOSTILE,
    failed_at=AT,
    model=HOSTILE,
    lane="bulk",
    attempts=3,
    claims=1,
    documents=2,
    custom_id=HOSTILE,
    upstream_said=HOSTILE,
)
BREAKER: Final = TrippedBreaker(
    BreakerState.PARKED, HOSTILE, HOSTILE, 1, AT * 1000, AT * 1000, 60_000, AT * 1000
)
RANKED: Final = RerankResult(
    job_id="job-1",
    model=HOSTILE,
    results=(RankedDocument(index=1, relevance_score=0.9),),
    usage=Usage(total_tokens=12, estimated_tokens=13),
    attempts=1,
    timings=Timings(waited_seconds=0.1, upstream_seconds=0.2),
)


def account() -> Allotment:
    """An account that is throttled."""
    numbers: dict[str, Any] = {"permits": 0, "tokens": 0.0, "slots": None, "retries": 0}
    return Allotment(
        **numbers,
        probe=False,
        ask_ms=50,
        mode="throttled",
        since=AT * 1000,
        cause=HOSTILE,
        wait_ms=5000,
        rate=12.5,
        limited=True,
        limits=Limits(rpm=600),
        workers=2,
        in_flight=3,
        ranked="",
        served=frozenset(),
        idle_ms=0,
        alone=False,
        doubted=False,
        cut_off={HOSTILE: HOSTILE},
        verdicts={},
        others=1,
        took_ms=100,
        now=int(AT * 1000),
        tripped={},
    )


class StandIn:
    """Answers as `AsyncRerankClient` does, as far as the console asks.

    Args:
        holders: who has which session.
        tokens: the token that begins the session `SESSION`.

    Attributes:
        acts: what was done, in order.
    """

    def __init__(self, holders: dict[str, Principal], token: str = "") -> None:
        self.acts: list[tuple[str, ...]] = []
        self._holders = holders
        self._token = token
        self.sessions = SimpleNamespace(begin=self._begin, find=self._find, end=self._end)
        self.tenants = SimpleNamespace(list=self._tenants, get=self._tenant, use=self._use)
        self.audit = SimpleNamespace(page=self._audit, act=self._act)
        self.webhooks = SimpleNamespace(list=self._webhooks, enable=self._done("enable"))
        self.operations = SimpleNamespace(
            lanes=SimpleNamespace(read=self._lanes, now=self._now),
            presence=SimpleNamespace(workers=self._workers),
            upstream=SimpleNamespace(
                status=self._upstream, pause=self._done("pause"), resume=self._done("resume")
            ),
            dead=SimpleNamespace(
                count=self._count,
                by_reason=self._by_reason,
                newest=self._newest,
                get=self._letter,
                named=self._named,
            ),
            replaying=SimpleNamespace(
                purge=self._done("purge"),
                replay=self._replay,
                replay_named=self._replay,
            ),
        )

    def for_tenant(self, _: str | None) -> "StandIn":
        """The same for every tenant."""
        return self

    def batch(self, batch_id: str) -> Any:
        """A batch."""

        async def status(*, why: bool = False) -> BatchStatus:
            assert why in (True, False)
            return BATCH.model_copy(update={"id": batch_id})

        return SimpleNamespace(
            id=batch_id,
            status=status,
            pause=self._done("batch.pause"),
            resume=self._done("batch.resume"),
            cancel=self._done("batch.cancel"),
            resubmit_failed=self._resubmit,
        )

    async def batches(self, **_: object) -> AsyncGenerator[BatchStatus, None]:
        """Two of them."""
        yield BATCH
        yield BATCH.model_copy(update={"id": "batch-2", "state": BatchState.PAUSED})

    async def why(self) -> tuple[WaitReason, ...]:
        """What holds jobs up."""
        return (WAIT,)

    async def job_page(self, **_: object) -> JobPage:
        """Some jobs."""
        return JobPage(jobs=(JOB, WAITING), next="more")

    async def timeline(self, job_id: str) -> JobTimeline:
        """What happened to a job."""
        if job_id == "unknown":
            raise JobNotFound(f"no job has the id {HOSTILE}")
        step = JobStep(at=AT, what="attempt_failed", reason=HOSTILE, message=HOSTILE)
        return JobTimeline(
            job=WAITING.model_copy(update={"id": job_id}), steps=(step,), waits=(WAIT,)
        )

    async def cancel(self, job_id: str) -> JobState:
        """Cancel a job."""
        self.acts.append(("job.cancel", job_id))
        return JobState.QUEUED

    async def rerank(self, **asked: Any) -> RerankResult:
        """A ranking."""
        self.acts.append(("rerank", *map(str, asked["documents"])))
        return RANKED

    async def _resubmit(self) -> Any:
        self.acts.append(("batch.retry",))
        return SimpleNamespace(batch=None)

    def _done(self, name: str) -> Any:
        async def act(*given: object, **_: object) -> int:
            self.acts.append((name, *map(str, given)))
            return 1

        return act

    async def _begin(self, secret: str) -> str | None:
        return SESSION if secret == self._token else None

    async def _find(self, name: str) -> Principal | None:
        return self._holders.get(name)

    async def _end(self, name: str) -> None:
        self._holders.pop(name, None)

    async def _tenants(self) -> tuple[Tenant, ...]:
        return (Tenant(name="acme", requests=10),)

    async def _tenant(self, name: str) -> Tenant:
        return Tenant(name=name, requests=10)

    async def _use(self, _: str) -> TenantUse:
        return TenantUse(queued=5, running=2, requests_left=4)

    async def _audit(self, **_: object) -> tuple[AuditEntry, ...]:
        entry = AuditEntry(
            number=1,
            at=AT,
            actor=HOSTILE,
            by="gateway",
            action=HOSTILE,
            subject=HOSTILE,
            outcome=HOSTILE,
            details={HOSTILE: HOSTILE},
        )
        return (entry,)

    @asynccontextmanager
    async def _act(self, _: object, action: str, subject: str = "") -> AsyncGenerator[Any, None]:
        self.acts.append(("audited", action, subject))
        yield SimpleNamespace(subject=subject)

    async def _webhooks(self) -> tuple[Webhook, ...]:
        url = "https://example.com/?x=%22><script>alert(1)</script>"
        return (Webhook(id="wh-1", url=url, disabled=Disabled.FAILING, failing_since=AT),)

    async def _lanes(self) -> dict[Lane, LaneReading]:
        jobs = {"queued": 1_000_000, "running": 2, "scheduled": 0, "held": 0}
        return {lane: LaneReading(jobs, 12.0, 1) for lane in Lane}

    async def _now(self) -> float:
        return AT + 2

    async def _workers(self) -> list[KnownWorker]:
        return [KnownWorker(f"bulk.{HOSTILE}", 1.0, HOSTILE), KnownWorker("bulk.2@b.c", 99.0, "")]

    async def _upstream(self) -> UpstreamStatus:
        return UpstreamStatus({HOSTILE: account()}, {HOSTILE: BREAKER}, frozenset())

    async def _count(self) -> int:
        return 200

    async def _by_reason(self) -> dict[str, int]:
        return {HOSTILE: 200}

    async def _letter(self, _: str) -> DeadLetter:
        return LETTER

    async def _named(self, ids: list[str]) -> list[str]:
        return ids

    async def _newest(self, *_: object, **__: object) -> list[DeadLetter]:
        return [LETTER]

    async def _replay(self, *given: object, **_: object) -> Replayed:
        self.acts.append(("replay", *map(str, given)))
        return Replayed(jobs=[("old", "new-1")], unreadable=["gone"], left=3)
