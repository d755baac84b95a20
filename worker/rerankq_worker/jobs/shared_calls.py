"""One call for several small jobs: of the same tenant, model and instruction.

They also have the same query, unless a call to the site can have a query for each document.

When a job gets its permit, others that wait for one and ask the same query are taken along in its
call. Each keeps its own lease, attempt and end: only the call is shared, and what it costs.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Final, TypeVar

from rerankq.contract import RerankRequest
from rerankq_worker.jobs.calling import Calling
from rerankq_worker.jobs.calls_in_parts import HandedBackError
from rerankq_worker.jobs.certain_leases import CertainLeases, LeaseLostError
from rerankq_worker.jobs.passenger import Passenger
from rerankq_worker.jobs.shared_requests import CallRoom, SharedRequest, part_of
from rerankq_worker.limits.guarded_call import GuardedCall
from rerankq_worker.limits.route import Reservation
from rerankq_worker.limits.routes import Routes
from rerankq_worker.limits.waiter import TakenAlongError
from rerankq_worker.upstream.call_limits import CallLimits
from rerankq_worker.upstream.dialects import DIALECTS
from rerankq_worker.upstream.errors import CallTooLarge, Malformed, NotBegun, Refused, UpstreamError
from rerankq_worker.upstream.port import Answer

T = TypeVar("T")

LIMITS: Final = CallLimits(documents=200, bytes=1_000_000)
"""Of a shared call, where the site's own are not lower."""

MAY_BE_ONE_JOBS: Final = (Refused, Malformed)
"""Errors of a call that may be the fault of one of its jobs alone."""


class TriedTogetherError(Exception):
    """A shared call failed, maybe because of another job: each is to be tried alone."""


class SharedCall:
    """A call for several jobs. Each of them waits for it, and may leave; the last one ends it.

    Args:
        routes: all routes of this worker.
        reservation: the route and permit of the call.
        passengers: the jobs; the first has got the permit.
        certain: tells which leases are certain.
        calling: is told which jobs have the call in flight.

    Attributes:
        reservation: as given.
        first: the job under whose id the call is made; None before.
        fault: how the call failed; None if it did not.
        asked: how many documents its jobs have together.
    """

    def __init__(
        self,
        routes: Routes,
        reservation: Reservation,
        passengers: Sequence[Passenger],
        certain: CertainLeases,
        calling: Calling,
    ) -> None:
        self.reservation = reservation
        self.first: Passenger | None = None
        self.fault: UpstreamError | None = None
        self._routes = routes
        self._passengers = passengers
        self._certain = certain
        self._calling = calling
        self.asked = 0
        for each in passengers:
            each.call = self
        self._begins = asyncio.Event()
        self._call = asyncio.create_task(self._made())
        # Whoever is aboard hears of its end by itself.
        self._call.add_done_callback(_heard)

    @asynccontextmanager
    async def boarded(self, passenger: Passenger) -> AsyncIterator["SharedUpstream"]:
        """The call as the upstream of one of its jobs, entered when the call begins.

        Raises:
            LeaseLostError: another worker has the job.
            UpstreamError: the call could not begin.
        """
        begins = asyncio.create_task(self._begins.wait())
        try:
            await asyncio.wait({begins, self._call}, return_when=asyncio.FIRST_COMPLETED)
            if passenger.lost:
                raise LeaseLostError
            yield SharedUpstream(self, passenger)
        finally:
            begins.cancel()
            self.left_by(passenger)

    def left_by(self, passenger: Passenger) -> None:
        """A job waits for the call no more, or was cancelled before it came aboard."""
        passenger.left = True
        if all(each.left for each in self._passengers):
            self._call.cancel()

    async def answer(self) -> Answer:
        """The answer to all of it.

        Raises:
            UpstreamError: there is none.
            TriedTogetherError: each job is to be tried alone.
        """
        return await asyncio.shield(self._call)

    async def _made(self) -> Answer:
        async with GuardedCall(
            self._routes,
            self.reservation,
            may_begin=self._may_begin,
            tokens=sum(each.tokens for each in self._passengers),
        ) as upstream:
            await asyncio.gather(*map(self._make_sure_of, self._passengers))
            present = [each for each in self._passengers if not each.lost and not each.left]
            if not present:
                raise NotBegun
            shared = SharedRequest.of([each.sent for each in present])
            for each, places in zip(present, shared.places, strict=True):
                each.places = places
            self.asked = sum(map(len, shared.places))
            self._begins.set()
            self.first = present[0]
            try:
                with ExitStack() as in_flight:
                    # At once, and not when each job has heard of it: a drain would cut it off.
                    for each in present:
                        in_flight.enter_context(self._calling.during(each.work))
                    return await upstream.ask(self.first.job.id, 1, shared.request)
            except MAY_BE_ONE_JOBS as error:
                if len(present) > 1 or isinstance(error, CallTooLarge):
                    raise TriedTogetherError from error
                raise
            except UpstreamError:
                raise
            except Exception as error:
                # A fault of rerankq itself, which one of the jobs may have called up.
                if len(present) > 1:
                    raise TriedTogetherError from error
                raise
            finally:
                self.fault = upstream.fault

    async def _make_sure_of(self, passenger: Passenger) -> None:
        try:
            passenger.sure_at = await self._certain.make_sure_of(
                passenger.lease, passenger.claimed_at
            )
        except LeaseLostError:
            passenger.lost = True

    def _may_begin(self) -> bool:
        return all(
            self._certain.is_certain(each.lease, each.sure_at)
            for each in self._passengers
            if not each.lost and not each.left
        )


@dataclass(frozen=True, slots=True)
class SharedUpstream:
    """A shared call, as the upstream of one of its jobs."""

    _shared: SharedCall
    _passenger: Passenger

    @property
    def reservation(self) -> Reservation:
        """The route and permit of the call."""
        return self._shared.reservation

    @property
    def fault(self) -> UpstreamError | None:
        """How the call failed; None if it did not, or was not made."""
        return self._shared.fault

    @property
    def calls(self) -> int:
        """1 for the job under whose id the call is made, 0 for the others."""
        return int(self._passenger is self._shared.first)

    async def ask(self, job_id: str, attempt: int, request: RerankRequest) -> Answer:
        """The job's part of the answer. See `upstream.Upstream`.

        Raises:
            TriedTogetherError: the job is to be tried alone.
        """
        del job_id, attempt, request
        return part_of(await self._shared.answer(), self._passenger.places, self._shared.asked)


@dataclass(frozen=True, slots=True)
class SharedCalls:
    """Lets jobs share calls.

    Args:
        routes: all routes of this worker.
        certain: tells which leases are certain.
        calling: is told which jobs have calls in flight.
    """

    routes: Routes
    certain: CertainLeases
    calling: Calling

    async def ranked(
        self, passenger: Passenger, rank: Callable[[SharedUpstream], Awaitable[T]]
    ) -> T | Reservation:
        """Rank a job in a call with others.

        Args:
            passenger: the job.
            rank: ranks it, once the call begins.

        Returns:
            What `rank` returns; or the route and permit for a call of the job's own, because no
            other waits that could share it, or because a shared call failed.

        Raises:
            LeaseLostError: another worker has the job.
            UpstreamError: as for `Routes.reserve` and `Upstream.ask`.
        """
        request, tokens = passenger.sent.request, passenger.tokens
        try:
            reservation = await self.routes.reserve(
                request, tokens=tokens, retry=False, passenger=passenger, query=passenger.key
            )
        except TakenAlongError as taken:
            call: SharedCall = taken.call
        except asyncio.CancelledError:
            if passenger.call:
                # It was taken along in the moment in which it was cancelled.
                passenger.call.left_by(passenger)
            raise
        else:
            begun = self._begun(reservation, passenger)
            if begun is None:
                return reservation
            call = begun
        try:
            async with call.boarded(passenger) as upstream:
                return await rank(upstream)
        except TriedTogetherError:
            if self.calling.ending:
                raise HandedBackError from None
            return await self.routes.reserve(request, tokens=tokens, retry=False)

    def _begun(self, reservation: Reservation, passenger: Passenger) -> SharedCall | None:
        """The call of a job that has a permit, with others that wait; None if there are none."""
        route = reservation.route
        if not route.site.is_pointwise(reservation.model):
            return None
        aboard, calls = [passenger], list[SharedCall]()
        limits = route.limits.within(LIMITS)
        in_pairs = DIALECTS[route.site.dialect].scores_pairs
        in_common, room = -1 if in_pairs else None, CallRoom(limits, in_pairs=in_pairs)
        if not room.take(passenger.sent.request):
            return None

        def wanted(other: Passenger) -> bool:
            if other.key[:in_common] != passenger.key[:in_common]:
                return False
            fits = room.take(other.sent.request)
            if fits:
                aboard.append(other)
            return fits

        def call() -> SharedCall:
            calls.append(SharedCall(self.routes, reservation, aboard, self.certain, self.calling))
            return calls[0]

        self.routes.waiting.take_along(reservation, wanted, call)
        return calls[0] if calls else None


def _heard(call: "asyncio.Task[Answer]") -> None:
    """Take note of the end of a call that nobody may wait for any more."""
    if not call.cancelled():
        call.exception()
