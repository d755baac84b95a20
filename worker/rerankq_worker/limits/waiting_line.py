"""The line of calls that wait for permits."""

from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from rerankq_worker.limits.prefix_order import PrefixOrder
from rerankq_worker.limits.route import Reservation
from rerankq_worker.limits.waiter import TakenAlongError, Waiter


class WaitingLine:
    """Who waits, in the order in which they came; `in_turn` tells who is served first."""

    def __init__(self) -> None:
        self._waiters: deque[Waiter] = deque()
        self._order = PrefixOrder()

    def __len__(self) -> int:
        return len(self._waiters)

    def __iter__(self) -> Iterator[Waiter]:
        return iter(self._waiters)

    def join(self, waiter: Waiter) -> None:
        """Put a call at the end of the line, or of those before the spare ones."""
        at = len(self._waiters)
        while not waiter.spare and at and self._waiters[at - 1].spare:
            at -= 1
        self._waiters.insert(at, waiter)

    def leave(self, waiter: Waiter) -> None:
        """Take a call out, if it is still in the line."""
        if waiter in self._waiters:
            self._waiters.remove(waiter)

    def in_turn(self) -> list[Waiter]:
        """The calls in the order in which they are served."""
        return self._order.of(self._waiters)

    def begins(self, waiter: Waiter) -> None:
        """Note that a call has got its permit."""
        self._order.begins(waiter)

    def take_along(
        self, reservation: Reservation, wanted: Callable[[Any], bool], call: Callable[[], object]
    ) -> None:
        """Let calls of the line share the call of one that has got a permit.

        Args:
            reservation: the route and permit of that call.
            wanted: tells of each passenger that could go by this route whether it is taken along.
            call: makes the call, if any are; they hear of it by `TakenAlongError`.
        """
        taken = [
            each
            for each in self._waiters
            if each.passenger is not None
            and not each.reservation.done()
            and each.can_take(reservation)
            and wanted(each.passenger)
        ]
        if taken:
            told = call()
            for each in taken:
                self._waiters.remove(each)
                each.reservation.set_exception(TakenAlongError(told))
