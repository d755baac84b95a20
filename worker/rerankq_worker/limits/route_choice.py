"""Chooses the route of a call: the first that is usable and has a permit."""

from typing import Final

from rerankq_worker.limits.breakers import Breakers
from rerankq_worker.limits.route import Reservation
from rerankq_worker.limits.waiter import Waiter
from rerankq_worker.upstream.errors import Deferred

RETRY_WAIT_SECONDS: Final = 5.0


def taken(waiter: Waiter, breakers: Breakers) -> Reservation | None:
    """The first usable route that has a permit, which is taken; None if none has one.

    Raises:
        Deferred: no route is usable, or no retry is allowed.
    """
    barriers: list[Deferred] = []
    missing: dict[str, bool] = {}
    may_wait = False
    for route, name in waiter.routes:
        barrier = breakers.barrier(route, name, waiter.checked)
        if barrier:
            barriers.append(barrier)
            missing[route.site.name] = missing.get(route.site.name, False) or barrier.ages
            continue
        permits = route.permits
        # A waiting job causes the next exchange. While the budget of retries is not known, a retry
        # must be able to wait, or this worker would never learn of the budget.
        may_wait |= not waiter.retry or permits.may_retry or not permits.status.knows_budget
        if breakers.is_left_to_others(route, name, waiter.since):
            continue
        if permit := permits.take(waiter.tokens, retry=waiter.retry):
            permits.suspicions.call_begins(route.key.id)
            return Reservation(route, permit, name)
    if len(barriers) == len(waiter.routes):
        nearest = min(barriers, key=lambda each: each.seconds)
        # The model counts as missing only if every site says so, by any of its keys.
        nearest.ages = all(missing.values())
        raise nearest
    if not may_wait:
        # If it waited here for the budget, it would take the place of jobs that need none.
        raise Deferred("there are too many retries at present", seconds=RETRY_WAIT_SECONDS)
    return None
