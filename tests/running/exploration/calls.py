"""The calls to the ledger whose answers may be lost, and what their callers do with the answers."""

from dataclasses import dataclass
from functools import partial

from rerankq.contract import JobState
from rerankq.ledger.intake import Verdict
from rerankq.ledger.leases import Lease
from running.exploration.ledger import Ledger
from running.exploration.world import Heard, World, demand
from running.ledger_desk import claims_of


@dataclass(frozen=True, slots=True)
class Submit:
    """A client submits a job."""

    job: str

    def __str__(self) -> str:
        return f"{self.job} is submitted"

    def make(self, ledger: Ledger, *, repeated: bool) -> Heard:  # noqa: ARG002 - all the same
        """The job is recorded; or a job with the same key exists, and the caller gets that one."""
        admission = ledger.submit(self.job)
        if admission.verdict is Verdict.EXISTING:
            demand(ledger.key is not None, "only a key leads to another job")
        else:
            demand(admission.verdict is Verdict.ACCEPTED, "a valid job is accepted")
            demand(admission.job_id == self.job, "a submit returns the id of its own job")
        return partial(_accepted, job=admission.job_id, announce=admission.job_id == self.job)


@dataclass(frozen=True, slots=True)
class Cancel:
    """A client cancels a job."""

    job: str

    def __str__(self) -> str:
        return f"{self.job} is cancelled"

    def make(self, ledger: Ledger, *, repeated: bool) -> Heard:  # noqa: ARG002 - all the same
        """The job has its end."""
        before = ledger.record(self.job)["state"]
        demand(ledger.cancel(self.job) is before, "a cancel returns the state before it")
        return _nothing


@dataclass(frozen=True, slots=True)
class Claim:
    """A worker claims a job that a hint names.

    Attributes:
        request: the id of this call, by which a repeat is recognised; None for a call that is
            answered, and so is never repeated.
    """

    worker: str
    job: str
    request: str | None = None

    def __str__(self) -> str:
        return f"{self.worker} claims {self.job}"

    def make(self, ledger: Ledger, *, repeated: bool) -> Heard:
        """The worker gets the job if it was queued, or if this call took it before."""
        # If the hint is not the oldest, it came late or is read for the second time.
        ledger.pull_hint(self.job)
        before = ledger.record(self.job)
        is_queued = before["state"] is JobState.QUEUED
        is_own = repeated and (before.get("worker"), before.get("request")) == (
            self.worker,
            self.request,
        )
        is_taken = is_own and before["state"] is JobState.RUNNING
        request = self.request or f"answered after {before.get('claims', 0)}"
        given = ledger.claim(self.worker, self.job, request)
        demand(bool(given) or not is_queued, "a worker that claims a queued job gets it")
        demand(bool(given) or not is_taken, "a repeated claim gets the same job again")
        if not given:
            return _nothing
        demand(is_queued or is_taken, "only a queued job is given out")
        token = before.get("claims", 0) + (not is_taken)
        demand(claims_of(given[0]) == token, "each lease has a token of its own")
        return partial(_taken, worker=self.worker, lease=given[0])


@dataclass(frozen=True, slots=True)
class Finish:
    """A worker writes the end of a job."""

    worker: str
    lease: Lease

    def __str__(self) -> str:
        return f"{self.worker} finishes {self.lease.job_id} under {self.lease.token}"

    def make(self, ledger: Ledger, *, repeated: bool) -> Heard:
        """The end counts if the lease does."""
        is_current = ledger.is_current(self.lease)
        is_done = ledger.finish(self.worker, self.lease)
        # A repeat may be told that the end counts, because the first try wrote it.
        demand(is_done or not is_current, "an end counts if its lease does")
        demand(is_current or repeated or not is_done, "an end counts only if its lease does")
        return partial(_let_go, worker=self.worker, lease=self.lease)


@dataclass(frozen=True, slots=True)
class Postpone:
    """A worker gives a job back."""

    worker: str
    lease: Lease

    def __str__(self) -> str:
        return f"{self.worker} postpones {self.lease.job_id} under {self.lease.token}"

    def make(self, ledger: Ledger, *, repeated: bool) -> Heard:  # noqa: ARG002 - all the same
        """The job is taken back if the lease counts."""
        is_current = ledger.is_current(self.lease)
        is_taken = ledger.postpone(self.worker, self.lease)
        demand(is_taken == is_current, "a job is taken back if, and only if, the lease counts")
        return partial(_let_go, worker=self.worker, lease=self.lease)


def announced(ledger: Ledger, world: World, job: str, *, again: bool = False) -> World:
    """A hint is published."""
    ledger.push_hint(job, again=again)
    return world.changed(announced=world.announced | {job})


def _accepted(ledger: Ledger, world: World, *, job: str, announce: bool) -> World:
    world = world.changed(accepted=world.accepted | {job})
    return announced(ledger, world, job) if announce else world


def _taken(_: Ledger, world: World, *, worker: str, lease: Lease) -> World:
    # A worker holds a job only once: it stops work under an older lease.
    others = {each for each in world.held if (each[0], each[1].job_id) != (worker, lease.job_id)}
    return world.changed(held=frozenset(others | {(worker, lease)}))


def _let_go(_: Ledger, world: World, *, worker: str, lease: Lease) -> World:
    return world.changed(held=world.held - {(worker, lease)})


def _nothing(_: Ledger, world: World) -> World:
    return world
