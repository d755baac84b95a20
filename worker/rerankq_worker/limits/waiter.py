"""A call that waits for a route."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from rerankq_worker.limits.route import Reservation, Route


class TakenAlongError(Exception):
    """A job that waited for a permit is taken along in the call of another.

    Attributes:
        call: that call, as the one who began it knows it.
    """

    def __init__(self, call: Any) -> None:
        super().__init__("taken along in another call")
        self.call = call


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
        passenger: the job, if another call may take it along, as the one knows it who asks.
        query: what calls have in common of which a server reads the beginning once; None if that is
            not known.
        reservation: done when it has a route, or none will serve it now.
    """

    routes: Sequence[tuple[Route, str]]
    tokens: float
    retry: bool
    since: float
    checked: str | None = None
    spare: bool = False
    passenger: object = None
    query: object = None
    reservation: "asyncio.Future[Reservation]" = field(default_factory=asyncio.Future)

    def can_take(self, reservation: Reservation) -> bool:
        """Whether it could be sent by another's route, to the same model."""
        return any(
            route is reservation.route and model == reservation.model
            for route, model in self.routes
        )
