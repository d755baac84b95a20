"""One call by a route, and what its answer means for the key, the model and the account."""

import logging
from collections.abc import Mapping
from types import TracebackType
from typing import Final, Self

from rerankq.contract import RerankRequest
from rerankq.errors import LedgerUnavailable
from rerankq.ledger.circuits import CircuitState, Trip, key_circuit, model_circuit
from rerankq_worker.limits.routes import Routes, Way
from rerankq_worker.upstream import (
    Answer,
    Call,
    Deferred,
    KeyRefused,
    Malformed,
    ModelUnavailable,
    OutOfCredit,
    QuotaInDoubt,
    Refused,
    Throttled,
    Transient,
    Unreachable,
    UpstreamError,
)

log = logging.getLogger(__name__)

OUT_SECONDS: Final = 5.0
ELSEWHERE_SECONDS: Final = 1.0

TROUBLE: Final[Mapping[type[UpstreamError], float]] = {
    Unreachable: 2.5,  # never the job's fault
    Transient: 1.0,
    Malformed: 0.5,
}
"""How much of a proof that the upstream is out a failure is; ten points in seven seconds are it."""
REPEATED: Final = 0.25
"""Of that, when the job has failed before: it may be the job."""


class Passage:
    """A way that is used for at most one call, between `async with` and its end."""

    def __init__(self, routes: Routes, way: Way) -> None:
        self._routes = routes
        self._circuits = routes.circuits
        self._way = way
        self._permits = way.route.permits
        self._cost: float | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._routes.release(self._way, self._cost)

    async def ask(self, job_id: str, attempt: int, request: RerankRequest) -> Answer:
        """Call the site. See `upstream.Upstream`."""
        way = self._way
        call = Call(job_id, attempt, request, way.model, way.route.key.authorization)
        try:
            answer = await way.route.provider.rerank(call)
        except UpstreamError as error:
            met = await self._judged(error, attempt)
            if met is error:
                raise
            raise met from error
        self._cost = answer.total_tokens or None
        if answer.pause_seconds is not None:
            self._permits.was_asked_to_pause(answer.pause_seconds)
        await self._well()
        return answer

    async def _well(self) -> None:
        self._permits.went_well(self._way.permit)
        # An answer to an earlier call proves nothing about what was closed since.
        cleared = self._way.turns or self._routes.doubted(self._way)
        if cleared:
            await self._reopen(cleared)

    async def _judged(self, error: UpstreamError, attempt: int) -> UpstreamError:
        """Draw the consequences for others; returns the error that the job meets."""
        match error:
            case QuotaInDoubt():
                self._permits.was_throttled(error.retry_after)
                await self._trip(self._key, Trip(OutOfCredit.code, str(error), certain_after=3))
            case Throttled():
                self._permits.was_throttled(error.retry_after)
            case KeyRefused():
                await self._trip(self._key, Trip(error.code, str(error)))
                return Deferred(str(error), seconds=ELSEWHERE_SECONDS, code=error.code)
            case ModelUnavailable():
                await self._trip(self._model, Trip(error.code, str(error), certain_after=3))
                return Deferred(str(error), seconds=OUT_SECONDS, code=error.code)
            case Transient() | Malformed():
                share = 1.0 if attempt == 1 or isinstance(error, Unreachable) else REPEATED
                self._permits.had_trouble(TROUBLE[type(error)] * share)
                self._permits.was_asked_to_pause(error.retry_after or 0.0)
                if self._permits.broken or self._way.permit.probe:
                    return Deferred(str(error), seconds=OUT_SECONDS, code=error.code)
            case Refused():
                # The upstream is well: it is the request that is not.
                await self._well()
        return error

    @property
    def _key(self) -> str:
        return key_circuit(self._way.route.key.id)

    @property
    def _model(self) -> str:
        return model_circuit(self._way.route.site.name, self._way.model)

    async def _trip(self, name: str, trip: Trip) -> None:
        try:
            state = await self._circuits.trip(name, trip)
        except LedgerUnavailable as unavailable:
            log.warning("%s could not be closed for all workers: %s", name, unavailable)
            return
        # An operator is wanted: no job can do anything about it.
        level = logging.ERROR if state is CircuitState.PARKED else logging.WARNING
        log.log(level, "%s is %s (%s): %s", name, state, trip.code, trip.reason)
        self._permits.wanted()

    async def _reopen(self, names: tuple[str, ...]) -> None:
        try:
            if await self._circuits.reopen(*names):
                log.warning("open again: %s", ", ".join(names))
        except LedgerUnavailable as unavailable:
            log.warning("%s could not be opened: %s", ", ".join(names), unavailable)
