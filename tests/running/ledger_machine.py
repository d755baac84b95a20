"""Schedules of calls to the ledger, made up by Hypothesis, and what must hold after each call."""

from collections import Counter

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from rerankq.contract import JobState
from rerankq.ledger.intake import Verdict
from rerankq.ledger.leases import Lease
from rerankq.ledger.records import record_from, record_key
from running.ledger_desk import LedgerDesk, job

NAMES = [f"job-{number}" for number in range(5)]
MOST = 4


class LedgerMachine(RuleBasedStateMachine):
    """Calls in any order; leases are kept and used again when they are long stale."""

    url: str
    held = Bundle[Lease]("held")

    @initialize()
    def begin(self) -> None:
        """An empty ledger."""
        self.desk = LedgerDesk(self.url, max_queue_depth=MOST, lease_seconds=600)
        self.desk.redis.flushdb()
        self.batch = self.desk.run(self.desk.batches.open())
        self.ends: dict[str, tuple[JobState, bytes]] = {}
        self.tokens: dict[str, int] = {}

    def teardown(self) -> None:
        """Give the desk back."""
        self.desk.__exit__()

    @rule(name=st.sampled_from(NAMES), lane=st.sampled_from(["bulk", "interactive"]),
          deadline=st.sampled_from([None, 600.0]))  # fmt: skip
    def submit(self, name: str, lane: str, deadline: float | None) -> None:
        """Hand a job in, perhaps again."""
        known = self.desk.redis.exists(f"rerankq:job:{name}")
        (admission,) = self.desk.submit(
            job(name, lane=lane, deadline_seconds=deadline, batch_id=self.batch)
        )
        depth = sum(self.desk.redis.zcard(f"rerankq:{lane}:{state}") for state in STATES)
        assert admission.verdict in {Verdict.ACCEPTED, Verdict.FULL}
        if admission.verdict is Verdict.FULL:
            assert depth >= MOST
            assert not known

    @rule(target=held, name=st.sampled_from(NAMES))
    def claim(self, name: str) -> Lease:
        """Take a job, or make a lease up."""
        leases = self.desk.claim(name)
        if not leases:
            # What somebody could make up: a lease that was never given.
            return Lease(name, 99, 0, 0.0, b"")
        assert leases[0].token > self.tokens.get(name, 0)
        self.tokens[name] = leases[0].token
        return leases[0]

    def is_current(self, lease: Lease) -> bool:
        """Whether the ledger should heed this lease."""
        return self.desk.record(lease.job_id).get("state") == JobState.RUNNING and (
            lease.token == self.tokens.get(lease.job_id)
        )

    @rule(lease=held)
    def renew(self, lease: Lease) -> None:
        """Prolong a lease, perhaps a stale one."""
        current = self.is_current(lease)
        assert self.desk.renew(lease) == (set() if current else {lease.job_id})

    @rule(lease=held)
    def succeed(self, lease: Lease) -> None:
        """Finish under a lease, perhaps a stale one."""
        current = self.is_current(lease)
        assert self.desk.succeed(lease) is current

    @rule(lease=held)
    def fail(self, lease: Lease) -> None:
        """Fail under a lease, perhaps a stale one."""
        current = self.is_current(lease)
        assert self.desk.fail(lease) is current

    @rule(lease=held, seconds=st.sampled_from([0, 600]))
    def postpone(self, lease: Lease, seconds: int) -> None:
        """Give back under a lease, perhaps a stale one."""
        current = self.is_current(lease)
        assert self.desk.postpone(lease, seconds) is current

    @rule(name=st.sampled_from(NAMES))
    def cancel(self, name: str) -> None:
        """Cancel a job, perhaps an ended one."""
        if self.desk.redis.exists(f"rerankq:job:{name}"):
            before = self.desk.state(name)
            assert self.desk.cancel(name) is before

    @rule()
    def sweep(self) -> None:
        """Let the reconciler tick."""
        self.desk.sweep()

    @rule(name=st.sampled_from(NAMES))
    def time_is_up(self, name: str) -> None:
        """The job's lease or delay is over, or its deadline has come."""
        for key in (*SETS, "rerankq:deadlines"):
            if not key.endswith("queued"):
                self.desk.redis.zadd(key, {name: 1}, xx=True)
        self.desk.end_amnesty()

    @invariant()
    def bookkeeping_is_right(self) -> None:
        """Each job stands in one set or has one end, and the batch has counted both once."""
        with self.desk.redis.pipeline() as pipeline:
            for name in NAMES:
                pipeline.get(record_key(name))
                pipeline.get(f"celery-task-meta-{name}")
                pipeline.exists(f"rerankq:payload:{name}")
                pipeline.zscore("rerankq:deadlines", name)
                for key in SETS:
                    pipeline.zscore(key, name)
            pipeline.hgetall(f"rerankq:batch:{self.batch}")
            *answers, counts = pipeline.execute()
        known, width = 0, 4 + len(SETS)
        for at, name in enumerate(NAMES):
            record, result, payload, deadline, *scores = answers[at * width : (at + 1) * width]
            state = record_from(record).get("state")
            places = [key for key, score in zip(SETS, scores, strict=True) if score is not None]
            known += state is not None
            if state is None:
                assert (places, result, payload) == ([], None, 0)
            else:
                self.check_job(name, JobState(state), places, result)
                ended = JobState(state).ended
                assert payload == (not ended or state == b"failed")
                assert not (ended and deadline)
        assert int(counts[b"total"]) == known
        ends = Counter(state.value.encode() for state, _ in self.ends.values())
        assert {end: int(counts.get(end, 0)) for end in ENDS} == {end: ends[end] for end in ENDS}

    def check_job(
        self, name: str, state: JobState, places: list[str], result: bytes | None
    ) -> None:
        """One end that never changes, or one place that fits the state."""
        if state.ended:
            assert places == []
            assert result is not None
            assert self.ends.setdefault(name, (state, result)) == (state, result)
        else:
            assert [place.rpartition(":")[2] for place in places] == [state.value]
            assert result is None
            assert name not in self.ends


ENDS = (b"succeeded", b"failed", b"cancelled", b"expired")
STATES = ("queued", "scheduled", "running")
SETS = [f"rerankq:{lane}:{state}" for lane in ("bulk", "interactive") for state in STATES]


def check(url: str, examples: int) -> None:
    """Run so many schedules, the same ones every time.

    Raises:
        AssertionError: after one of them the bookkeeping is wrong.
    """
    machine = type("Machine", (LedgerMachine,), {"url": url})
    schedule = settings(
        max_examples=examples,
        stateful_step_count=30,
        deadline=None,
        derandomize=True,
        database=None,
        # What fails here is read off the schedule; to shrink it takes a minute.
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(machine, settings=schedule)
