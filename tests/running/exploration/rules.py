"""What must hold in each state; and that all jobs end, whatever has happened."""

from collections.abc import Mapping
from typing import Final

from rerankq.contract import JobState
from running.exploration.calls import Claim, Finish
from running.exploration.ledger import JOBS, RESCUER, Ledger
from running.exploration.moves import passed, swept
from running.exploration.world import World, demand

MOST_ROUNDS: Final = 40
"""Enough rounds for every job to end, also for crash suspects that rest and for lost hints."""
IN_SETS: Final = {JobState.QUEUED, JobState.SCHEDULED, JobState.RUNNING}
ENDS: Final = {*JobState} - IN_SETS


def check(ledger: Ledger, world: World) -> None:
    """Check the rules in a state; the ledger holds its data.

    Raises:
        Broken: a rule does not hold.
    """
    for job in JOBS:
        if ledger.record(job):
            _job_is_whole(ledger, job)
    for job in world.accepted:
        demand(bool(ledger.record(job)), "an accepted job is recorded")
    _counts_are_exact(ledger)
    if ledger.key is not None:
        _key_is_one_jobs(ledger)


def ends(ledger: Ledger) -> Mapping[str, tuple[JobState, bytes | None]]:
    """The state and the result of each job that has ended."""
    states = {job: ledger.record(job).get("state", JobState.QUEUED) for job in JOBS}
    return {
        job: (state, ledger.result(job)) for job, state in states.items() if state not in IN_SETS
    }


def check_ends(
    before: Mapping[str, tuple[JobState, bytes | None]],
    after: Mapping[str, tuple[JobState, bytes | None]],
) -> None:
    """Check the rule from one state to the next.

    Raises:
        Broken: a rule does not hold.
    """
    demand(after.items() >= before.items(), "an end never changes")


def _job_is_whole(ledger: Ledger, job: str) -> None:
    state: JobState = ledger.record(job)["state"]
    sets = ledger.sets(job)
    if state in IN_SETS:
        demand(sets == [state], "an open job is only in the set of its state")
        demand(ledger.has_payload(job), "an open job keeps its payload")
        demand(ledger.result(job) is None, "a job has no result before its end")
    else:
        demand(not sets, "an ended job is in no set")
        demand(ledger.result(job) is not None, "an ended job has a result")
        demand(not ledger.has_payload(job), "an end deletes the payload")
        demand(state is not JobState.FAILED, "a job does not fail because workers paused")


def _counts_are_exact(ledger: Ledger) -> None:
    states = {job: ledger.record(job)["state"] for job in JOBS if ledger.record(job)}
    counts = ledger.counts()
    demand(sorted(ledger.entries()) == [*states], "a batch lists each of its jobs once")
    demand(counts["total"] == len(states), "a batch counts its jobs")
    for end in ENDS:
        found = [*states.values()].count(end)
        demand(counts.get(end, 0) == found, "a batch counts each end once")


def _key_is_one_jobs(ledger: Ledger) -> None:
    recorded = [job for job in JOBS if ledger.record(job)]
    demand(len(recorded) <= 1, "a key leads to one job")
    owner, left_ms = ledger.key_owner()
    for job in recorded:
        demand(owner == job, "a key leads to its job")
        if ledger.record(job)["state"] in IN_SETS:
            demand(left_ms == -1, "a key does not expire while its job is open")


def come_to_an_end(ledger: Ledger, world: World, *, is_busy: bool) -> None:
    """Check that every job ends when only one worker is left and nothing fails any more.

    Args:
        ledger: holds the state's data.
        world: the state.
        is_busy: whether new jobs come all the time, so that the queue is never empty: then a lost
            hint is found only because later hints were served.

    Raises:
        Broken: a job never ends.
    """
    world = world.changed(held=frozenset(), unanswered=frozenset())
    for turn in range(MOST_ROUNDS):
        if is_busy:
            ledger.submit_another(turn)
        world = swept(ledger, passed(ledger, world))
        while hints := [hint for hint in ledger.oldest_hints() if hint in JOBS]:
            for job in hints:
                world = Claim(RESCUER, job).make(ledger, repeated=False)(ledger, world)
        if is_busy:
            ledger.serve_another(turn)
        for worker, lease in world.held:
            world = Finish(worker, lease).make(ledger, repeated=False)(ledger, world)
        check(ledger, world)
        if all(ledger.record(job).get("state") not in IN_SETS for job in JOBS):
            return
    demand(met=False, rule="every job ends, whatever has happened")
