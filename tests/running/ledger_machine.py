"""Random sequences of calls to the ledger, made by Hypothesis, and what must hold after each call.

Hints go through the two Celery queues of a lane, unless they are lost. Time passes by changes of
the stored times. At the end of each sequence the reconciler must have nothing more to announce, and
every queued job must be found by a hint.
"""

import sys
from collections import defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from operator import attrgetter
from unittest.mock import patch

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from rerankq.contract import BatchOptions, Job, JobState, Lane, RerankRequest
from rerankq.ledger import intake, leases, sweep
from rerankq.ledger.dead import DeadLetters
from rerankq.ledger.intake import Admission, Verdict
from rerankq.ledger.leases import Lease, new_request
from running.ledger_books import DEADLINES, LANES, Books, Entry
from running.ledger_desk import LedgerDesk, job
from running.ledger_lines import Lines

NAMES = [f"job-{number}" for number in range(5)]
MOST = 4
FAR = 600.0
LATER = 4_000_000_000.0
"""A `not_before` in the far future: the job is due only when a rule changes the stored time."""
TICKS = 4
"""Enough ticks for the reconciler to announce all jobs whose hints are known to be lost."""
ROUNDS = 8
"""Enough rounds for all queued jobs to be announced and served."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A job to submit; its name may have been submitted before, with other content."""

    name: str
    lane: str
    content: str
    key: str | None
    deadline: float | None
    not_before: float | None

    def job(self, batch: str | None) -> Job:
        """The draft as a job."""
        return job(
            self.name,
            lane=self.lane,
            request=RerankRequest(query=self.content, documents=("first", "second")),
            idempotency_key=self.key,
            deadline_seconds=self.deadline,
            not_before=self.not_before,
            batch_id=batch,
        )


drafts = st.builds(
    Draft,
    name=st.sampled_from(NAMES),
    lane=st.sampled_from(["bulk", "bulk", "interactive"]),
    content=st.sampled_from(["a query", "another"]),
    key=st.sampled_from([None, None, "k"]),
    deadline=st.sampled_from([None, FAR]),
    not_before=st.sampled_from([None, None, None, LATER]),
)


picks = st.integers(0, 9)
MOSTLY = 4
"""Picks up to this one take a current lease if there is one; other picks take any lease."""
IS_DEAD = attrgetter("is_dead")
IS_QUEUED = attrgetter("place")
WAITS = attrgetter("waits")
HAS_DEADLINE = attrgetter("has_deadline")


class LedgerMachine(RuleBasedStateMachine):
    """Calls in any order; old leases are used again after they have become stale."""

    url: str

    @initialize(portion=st.lists(drafts, min_size=2, max_size=5), beside=st.sampled_from([1, 100]))
    def begin(self, portion: list[Draft], beside: int) -> None:
        """Begin with a few jobs, and with a made-up lease that the ledger never gave.

        Payloads and results go with the scripts or beside them, as `beside` says.
        """
        self.changes = ExitStack()
        for module in (intake, leases):
            self.changes.enter_context(patch.object(module, "BESIDE_FROM", beside))
        self.desk = LedgerDesk(self.url, max_queue_depth=MOST, lease_seconds=FAR)
        self.desk.redis.flushdb()
        self.batch = self.desk.run(self.desk.batches.open(self.options()))
        self.books = Books(self.desk.redis, self.batch, NAMES)
        self.lines = Lines(self.desk.redis)
        self.letters = DeadLetters(self.desk.store)
        self.tokens: dict[str, int] = {}
        self.workers: dict[tuple[str, int], str] = {}
        self.silent: set[str] = set()
        self.absent: dict[str, set[str]] = defaultdict(set)
        self.given_back: set[str] = set()
        self.contents: dict[str, str] = {}
        self.owners: dict[str, str] = {}
        self.late: set[str] = set()
        # The made-up lease.
        self.leases = [Lease(NAMES[0], 99, 0, 0.0, b"")]
        self.submit_together(portion, is_heard=True)

    def teardown(self) -> None:
        """Check that the reconciler comes to rest and that every queued job is found."""
        try:
            # If the sequence has failed, that failure must be the one that is shown.
            if sys.exc_info()[0] is None:
                self.goes_on()
                self.comes_to_rest()
                self.all_is_found()
        finally:
            self.changes.close()
            self.desk.__exit__()

    def options(self) -> BatchOptions:
        """How the batch is opened."""
        return BatchOptions()

    def stops(self, name: str) -> JobState | None:
        """The state that a job of this name has after a claim, if its batch lets none begin."""
        del name
        return None

    def end_due(self, name: str, end: JobState) -> JobState:
        """How a job of this name ends, when its worker brings that end."""
        return JobState.EXPIRED if name in self.late else end

    def ends_at_tick(self, name: str) -> bool:
        """Whether the next tick ends a job of this name that has not ended."""
        return name in self.late

    def takes_more(self) -> bool:
        """Whether jobs can be added to the batch."""
        return True

    def goes_on(self) -> None:
        """Let go what is held back, before the reconciler has to come to rest."""

    @rule(portion=st.lists(drafts, min_size=1, max_size=3), is_heard=st.booleans())
    def submit(self, portion: list[Draft], is_heard: bool) -> None:  # noqa: FBT001 - a choice
        """Submit jobs, perhaps again, with other content, or under a known key."""
        self.submit_together(portion, is_heard=is_heard)

    def submit_together(self, portion: list[Draft], *, is_heard: bool) -> None:
        """Submit jobs together; each gets the right verdict."""
        free = {lane: MOST - self.books.depth(lane) for lane in LANES}
        held_up = False
        due = []
        for draft in portion:
            due.append(self.verdict_due(draft, free, held_up=held_up))
            held_up = held_up or due[-1].verdict is Verdict.FULL
        assert self.desk.submit(*(draft.job(self.batch) for draft in portion)) == due
        for draft, admission in zip(portion, due, strict=True):
            if is_heard and admission.verdict is Verdict.ACCEPTED:
                self.lines.hint(Lane(draft.lane), [draft.name])

    def verdict_due(self, draft: Draft, free: dict[str, int], *, held_up: bool) -> Admission:
        """What the ledger must answer for a job; an accepted job is recorded here."""
        owner = self.owners.get(draft.key) if draft.key else None
        if owner and self.contents[owner] != draft.content:
            return Admission(Verdict.CONFLICT, draft.name)
        if owner and owner != draft.name:
            return Admission(Verdict.EXISTING, owner)
        if draft.name in self.contents:
            return Admission(Verdict.ACCEPTED, draft.name)
        if not self.takes_more():
            return Admission(Verdict.CLOSED, draft.name)
        if held_up or free[draft.lane] <= 0:
            return Admission(Verdict.FULL, draft.name)
        free[draft.lane] -= 1
        self.contents[draft.name] = draft.content
        if draft.key:
            self.owners[draft.key] = draft.name
        return Admission(Verdict.SCHEDULED if draft.not_before else Verdict.ACCEPTED, draft.name)

    @rule(pick=picks, name=st.sampled_from([None, None, *NAMES]), is_repeated=st.booleans())
    def claim(self, pick: int, name: str | None, is_repeated: bool) -> None:  # noqa: FBT001 - a choice
        """Claim a job as for a hint that comes twice, out of order, or too late."""
        self.take(name or self.picked(pick, IS_QUEUED), is_repeated=is_repeated)

    @rule(lane=st.sampled_from(Lane), again=st.booleans())
    def serve(self, lane: Lane, again: bool) -> None:  # noqa: FBT001 - a choice
        """Take the oldest hint of a queue, and claim the jobs that it names."""
        for name in self.lines.oldest(lane, again=again):
            self.take(name)

    def picked(self, pick: int, fits: Callable[[Entry], bool]) -> str:
        """One of the jobs that fit, if there are any: a random choice would find one too seldom.

        Jobs at the end of the queue come first: if one is claimed, the hints of others are lost.
        """
        found = [each for each in self.books.entries.items() if fits(each[1])]
        found.sort(key=lambda each: each[1].place.number if each[1].place else 0, reverse=True)
        return found[pick % len(found)][0] if found else NAMES[0]

    def there_is(self, fits: Callable[[Entry], bool]) -> bool:
        """Whether any job fits."""
        return any(map(fits, self.books.entries.values()))

    def take(self, name: str, *, is_repeated: bool = False) -> None:
        """Claim a job: it is given out only if it is queued and its deadline has not passed.

        If the answer is lost, the same request gets the same lease again.
        """
        entry = self.look(name)
        # Each claim is by a new worker, so that no dead worker comes back by claiming.
        worker, request = f"worker-{len(self.leases)}", new_request()
        claim = partial(self.desk.leases(worker).claim, [name], alone=True, request=request)
        given = self.desk.run(claim()).leases
        is_claimable = entry.place is not None and name not in self.late
        stopped = self.stops(name) if is_claimable else None
        assert len(given) == (is_claimable and not stopped)
        if is_repeated:
            again = self.desk.run(claim()).leases
            assert [each.token for each in again] == [each.token for each in given]
        if stopped and entry.place:
            assert self.look(name).state is stopped
            self.lines.served(entry.place)
        for lease in given:
            assert entry.place is not None
            assert lease.token > self.tokens.get(name, 0)
            assert Job.parse(lease.payload).request.query == self.contents[name]
            self.tokens[name] = lease.token
            self.workers[name, lease.token] = worker
            self.given_back.discard(name)
            self.lines.served(entry.place)
            self.leases.append(lease)

    def look(self, name: str) -> Entry:
        """The job as it is in the ledger now."""
        return self.books.look(name)[name]

    def is_current(self, lease: Lease) -> bool:
        """Whether the lease counts; an expired lease counts until the job is given out again."""
        entry = self.books.entries.get(lease.job_id)
        is_open = entry is not None and entry.state is not None and not entry.ended
        is_last = self.tokens.get(lease.job_id) == lease.token
        return is_open and is_last and lease.job_id not in self.given_back

    def lease(self, pick: int) -> Lease:
        """One of the leases, often a current one."""
        current = [lease for lease in self.leases if self.is_current(lease)]
        found = current if current and pick <= MOSTLY else self.leases
        return found[pick % len(found)]

    @rule(pick=picks, seconds=st.sampled_from([None, 0, FAR]))
    def keep_or_postpone(self, pick: int, seconds: float | None) -> None:
        """Renew a lease or give its job back, perhaps a stale one."""
        lease = self.lease(pick)
        current = self.is_current(lease)
        if seconds is None:
            worker = self.workers.get((lease.job_id, lease.token), "nobody")
            lost = self.desk.run(self.desk.leases(worker).renew([lease]))
            assert lost == (set() if current else {lease.job_id})
            self.is_heard(worker)
            if current:
                assert self.look(lease.job_id).state is JobState.RUNNING
        else:
            assert self.desk.postpone(lease, seconds) is current
            if current:
                self.given_back.add(lease.job_id)
                self.absent[lease.job_id].clear()

    def is_heard(self, worker: str) -> None:
        """Record that a worker is alive."""
        self.silent.discard(worker)
        for absent in self.absent.values():
            absent.discard(worker)

    @rule(pick=picks, succeeds=st.booleans())
    def finish(self, pick: int, succeeds: bool) -> None:  # noqa: FBT001 - a choice
        """Write an end: it counts under the current lease, and before the deadline."""
        lease = self.lease(pick)
        current = self.is_current(lease)
        end = JobState.SUCCEEDED if succeeds else JobState.FAILED
        call = self.desk.succeed if succeeds else self.desk.fail
        due = self.end_due(lease.job_id, end)
        assert call(lease) is (current and due is end)
        if current:
            assert self.look(lease.job_id).state is due

    # Not the last open job: nothing more can happen to a cancelled one.
    @precondition(lambda self: sum(not each.ended for each in self.books.entries.values()) > 1)
    @rule(name=st.sampled_from(NAMES[:2]))
    def cancel(self, name: str) -> None:
        """Cancel a job, which may have ended."""
        before = self.look(name).state
        if before:
            assert self.desk.cancel(name) is before
            assert self.look(name).state is (before if before.ended else JobState.CANCELLED)

    @precondition(lambda self: self.there_is(IS_DEAD))
    @rule(pick=picks, is_heard=st.booleans(), forget=st.booleans())
    def replay(self, pick: int, is_heard: bool, forget: bool) -> None:  # noqa: FBT001 - choices
        """Replay a dead letter: that gives a new job, the same one every time."""
        name = self.picked(pick, IS_DEAD)
        replays = self.desk.run(self.letters.replays([name]))
        ((old, new),) = replays.jobs
        assert (old, replays.unreadable) == (name, [])
        known, full = new.id in self.contents, self.books.depth(new.lane) >= MOST
        (admission,) = self.desk.submit(new)
        refused = full and not known
        assert admission == Admission(Verdict.FULL if refused else Verdict.ACCEPTED, new.id)
        if refused:
            return
        self.contents[new.id] = self.contents[name]
        self.books.replayed(new.id)
        if is_heard:
            self.lines.hint(new.lane, [new.id])
        if forget:
            self.desk.run(self.letters.forget([name]))
            self.books.forgotten.add(name)

    @rule(is_heard=st.booleans())
    def sweep(self, is_heard: bool) -> None:  # noqa: FBT001 - a choice
        """Let the reconciler tick; its announcements may be lost."""
        self.announced(is_heard=is_heard)

    def announced(self, *, is_heard: bool = True) -> list[str]:
        """Tick, and check what is announced: all due jobs, and no job that has its hint."""
        now, before, empty = self.desk.now_ms(), self.books.look(), self.lines.empty()
        for name, entry in before.items():
            worker = self.workers.get((name, self.tokens.get(name, 0)))
            if entry.state is JobState.RUNNING and entry.is_over(now) and worker in self.silent:
                self.absent[name].add(worker)
        names = self.desk.sweep()
        after = self.books.look()
        assert len(names) == len(set(names))
        for name in names:
            place = before[name].place
            assert place is None or self.lines.may_be_lost(place, empty), f"{name} has its hint"
            assert after[name].state is JobState.QUEUED
        due = {name for name, entry in before.items() if self.is_due(entry, now)}
        ending = {name for name, entry in before.items() if entry.state and self.ends_at_tick(name)}
        for name in due - ending:
            is_crash = before[name].waits and len(self.absent[name]) >= leases.MOST_DEATHS
            assert after[name].ended == is_crash, f"{name}: {self.absent[name]} are dead"
        resting = {name for name in due if before[name].state is JobState.RUNNING} & {
            name for name, entry in after.items() if entry.state is JobState.SCHEDULED
        }
        assert all(after[name].ended for name in due - {*names} - resting | ending)
        self.lines.ticked(empty)
        if is_heard:
            for lane in LANES:
                in_lane = [name for name in names if after[name].lane == lane]
                self.lines.hint(Lane(lane), in_lane, again=True)
        return names

    def is_due(self, entry: Entry, now: float) -> bool:
        """Whether the next tick must announce or end the job."""
        return entry.is_over(now) or bool(entry.place and self.lines.is_overtaken(entry.place))

    @precondition(lambda self: self.there_is(WAITS))
    @rule(pick=picks, is_swept=st.booleans(), is_dead=st.booleans())
    def time_is_up(self, pick: int, is_swept: bool, is_dead: bool) -> None:  # noqa: FBT001 - choices
        """A job's lease or delay ends, and perhaps the reconciler sees it first.

        The worker of the job paused, or died.
        """
        self.let_pass(self.picked(pick, WAITS), is_dead=is_dead)
        if is_swept:
            self.announced()

    def let_pass(self, name: str, *, is_dead: bool) -> None:
        """Let a job's lease or delay end; its worker is dead or alive."""
        worker = self.workers.get((name, self.tokens.get(name, 0)))
        if worker and is_dead:
            self.desk.redis.zadd("rerankq:workers", {worker: 0}, xx=True)
            self.silent.add(worker)
        for key in self.look(name).scores:
            self.desk.redis.zadd(key, {name: 1}, xx=True)
        self.desk.end_lease_grace()

    @precondition(lambda self: self.there_is(IS_QUEUED))
    @rule(pick=picks, are_dead=st.lists(st.sampled_from([True, True, True, False]), max_size=4))
    def go_round(self, pick: int, are_dead: list[bool]) -> None:
        """Let one worker after the other claim a job, and die or pause."""
        name = self.picked(pick, IS_QUEUED)
        for is_dead in are_dead:
            self.take(name)
            # First the lease ends, then the rest, if the job rests after that.
            for state in (JobState.RUNNING, JobState.SCHEDULED):
                if self.look(name).state is state:
                    self.let_pass(name, is_dead=is_dead and state is JobState.RUNNING)
                    self.announced()

    @precondition(lambda self: self.there_is(HAS_DEADLINE))
    @rule(pick=picks, is_claimed=st.booleans())
    def deadline_passes(self, pick: int, is_claimed: bool) -> None:  # noqa: FBT001 - a choice
        """A job's deadline passes; perhaps its hint is read before the next sweep."""
        name = self.picked(pick, HAS_DEADLINE)
        self.desk.alter_record(name, deadline=1)
        self.desk.redis.zadd(DEADLINES, {name: 1}, xx=True)
        self.late.add(name)
        if is_claimed:
            self.take(name)

    @invariant()
    def bookkeeping_is_right(self) -> None:
        """Each job is in one set or has one end, and everything else agrees with that."""
        self.books.check()

    def comes_to_rest(self) -> None:
        """If no hint is lost any more and nobody works, announcements stop."""
        for _ in range(TICKS):
            self.announced()
        assert [self.announced(), self.announced()] == [[], []]

    def all_is_found(self) -> None:
        """Every queued job is announced and claimed in the end, whichever hints were lost."""
        for _ in range(ROUNDS):
            if not any(entry.place for entry in self.books.look().values()):
                return
            for lane in Lane:
                for again in (False, True):
                    while names := self.lines.oldest(lane, again=again):
                        for name in names:
                            self.take(name)
            for _ in range(TICKS):
                self.announced()
        raise AssertionError(f"queued for ever: {self.books.look()}")


def check(url: str, examples: int, kind: type[LedgerMachine] = LedgerMachine) -> None:
    """Run `examples` sequences, the same ones every time.

    Raises:
        AssertionError: after a call the ledger is not consistent.
    """
    machine = type("Machine", (kind,), {"url": url})
    schedule = settings(
        max_examples=examples,
        stateful_step_count=30,
        deadline=None,
        derandomize=True,
        database=None,
        # No shrinking: it takes a minute, and the sequence itself shows what failed.
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    with (
        # Lost hints are announced at once; the sweep's own tests test the waiting.
        patch.object(sweep, "LOST_HINT_SECONDS", 0),
        patch.object(sweep, "LOST_AGAIN_SECONDS", 0),
    ):
        run_state_machine_as_test(machine, settings=schedule)
