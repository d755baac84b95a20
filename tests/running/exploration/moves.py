"""What can happen next in a state, and the state that follows.

Each call to the ledger is carried out and either answered, or its answer is lost. A call whose
answer was lost is repeated at any later time.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from running.exploration.calls import Cancel, Claim, Finish, Postpone, Submit, announced
from running.exploration.ledger import JOBS, STEP_MS, WORKERS, Ledger
from running.exploration.world import Call, World, demand

MOST_UNANSWERED: Final = 1
"""How many calls at a time may have lost their answers."""


@dataclass(frozen=True, slots=True)
class Move:
    """Something that can happen.

    Attributes:
        name: what happens, in words, to describe how a state was reached.
        carry_out: changes the ledger's data, and returns the new state.
    """

    name: str
    carry_out: Callable[[Ledger, World], World]


def moves(ledger: Ledger, world: World) -> Iterator[Move]:
    """Everything that can happen next. The ledger holds the state's data, which is not changed."""
    for call in world.unanswered:
        yield Move(f"repeated: {call}", partial(_repeated, call=call))
    for call in _calls(ledger, world):
        yield Move(str(call), partial(_answered, call=call))
        if len(world.unanswered) < MOST_UNANSWERED:
            yield Move(f"{call}, answer lost", partial(_unanswered, call=call))
    for worker in WORKERS:
        if any(holder == worker for holder, _ in world.held):
            yield Move(f"{worker} renews", partial(_renewed, worker=worker))
    for job in ledger.oldest_hints():
        yield Move(f"a hint of {job} is lost", partial(_lost, job=job))
    yield Move("the reconciler sweeps", swept)
    yield Move("time passes", passed)


def _calls(ledger: Ledger, world: World) -> Iterator[Call]:
    for job in JOBS:
        # The jobs are alike, so the first one is always submitted first.
        is_hinted = job in ledger.oldest_hints()
        if (job == JOBS[0] or ledger.record(JOBS[0])) and not is_hinted:
            yield Submit(job)
        if ledger.record(job):
            yield Cancel(job)
    for worker in WORKERS:
        for job in sorted(world.announced):
            yield Claim(worker, job)
    for worker, lease in world.held:
        yield Finish(worker, lease)
        yield Postpone(worker, lease)


def _answered(ledger: Ledger, world: World, call: Call) -> World:
    return call.make(ledger, repeated=False)(ledger, world)


def _unanswered(ledger: Ledger, world: World, call: Call) -> World:
    if isinstance(call, Claim):
        call = replace(call, request=f"unanswered {world.lost}")
    call.make(ledger, repeated=False)
    return world.changed(unanswered=world.unanswered | {call}, lost=world.lost + 1)


def _repeated(ledger: Ledger, world: World, call: Call) -> World:
    heard = call.make(ledger, repeated=True)
    return heard(ledger, world.changed(unanswered=world.unanswered - {call}))


def _renewed(ledger: Ledger, world: World, worker: str) -> World:
    leases = {lease for holder, lease in world.held if holder == worker}
    lost = ledger.renew(worker, leases)
    for lease in leases:
        is_lost = lease.job_id in lost
        demand(is_lost != ledger.is_current(lease), "a renewal returns all lost leases")
    kept = {(holder, lease) for holder, lease in world.held if lease.job_id not in lost}
    others = {(holder, lease) for holder, lease in world.held if holder != worker}
    return world.changed(held=frozenset(kept | others))


def _lost(ledger: Ledger, world: World, job: str) -> World:
    ledger.pull_hint(job)
    return world


def swept(ledger: Ledger, world: World) -> World:
    """The reconciler ticks, and announces what it finds."""
    for job in ledger.sweep():
        world = announced(ledger, world, job, again=True)
    return world


def passed(ledger: Ledger, world: World) -> World:
    """Time passes: leases expire, delays end."""
    ledger.data.set_clock(ledger.data.now_ms + STEP_MS)
    return world
