"""A call that waits for a route."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from rerankq_worker.limits.route import Reservation, Route


@dataclass(slots=True, eq=False)
class Waiter:
    """A call that waits for a permit of one of its routes.

    Attributes:
        routes: those that it could take, each with its site's name for the model.
        tokens: its estimated cost.
        retry: whether it is a retry.
        since: when it began to wait, by the monotonic clock in seconds.
        spare: whether it lets all others go first: one more call of a job that has a call in line.
        checked: the breaker of the model whose scores it checks; None for a job's call.
        reservation: done when it has a route, or none will serve it now.
    """

    routes: Sequence[tuple[Route, str]]
    tokens: float
    retry: bool
    since: float
    checked: str | None = None
    spare: bool = False
    reservation: "asyncio.Future[Reservation]" = field(default_factory=asyncio.Future)
