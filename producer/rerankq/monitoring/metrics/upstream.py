"""Measures calls of the rerank endpoint, permits and circuit breakers."""

from rerankq.events import (
    RANKED,
    BreakerClosed,
    BreakerHalfOpened,
    BreakerOpened,
    CallFinished,
    Events,
    LimitFound,
    PermitWaited,
    ScoresChecked,
    ScoresReused,
)
from rerankq.monitoring.metrics import catalogue
from rerankq.monitoring.metrics.children import Children, Names
from rerankq.monitoring.metrics.registry import MODELS, Metrics


class UpstreamCalls:
    """Measures the calls of a worker.

    Args:
        metrics: where they are counted.
        events: of the worker.
    """

    def __init__(self, metrics: Metrics, events: Events) -> None:
        self._calls = Children(metrics.histogram(catalogue.CALLS), 3)
        self._failures = Children(metrics.counter(catalogue.CALL_FAILURES), 3)
        self._tokens = Children(metrics.counter(catalogue.TOKENS), 2)
        self._model = Names(MODELS)
        self._permits = Children(metrics.histogram(catalogue.PERMIT_WAIT), 1)
        self._changes = Children(metrics.counter(catalogue.BREAKER_CHANGES), 2)
        limits = Children(metrics.counter(catalogue.LIMITS_FOUND), 1)
        checks = Children(metrics.counter(catalogue.SCORE_CHECKS), 3)
        events.listen(
            lambda event: checks[event.site, self._model(event.model), event.outcome].inc(),
            ScoresChecked,
        )
        self._pairs = Children(metrics.counter(catalogue.PAIRS), 2)
        events.listen(self._reused, ScoresReused)
        events.listen(self._called, CallFinished)
        events.listen(self._permitted, PermitWaited)
        events.listen(lambda event: limits[event.account].inc(), LimitFound)
        events.listen(lambda event: self._changed(event.breaker, event.state), BreakerOpened)
        events.listen(lambda event: self._changed(event.breaker, "half_open"), BreakerHalfOpened)
        events.listen(lambda event: self._changed(event.breaker, "closed"), BreakerClosed)

    def _called(self, event: CallFinished) -> None:
        call = event.call
        self._calls[call.site, call.account, event.status_class].observe(event.seconds)
        if event.outcome != RANKED:
            self._failures[call.site, call.account, event.outcome].inc()
        elif tokens := event.total_tokens or event.prompt_tokens:
            self._tokens[call.site, self._model(call.model)].inc(tokens)

    def _reused(self, event: ScoresReused) -> None:
        if event.reused:
            self._pairs[event.site, "reused"].inc(event.reused)
        if event.sent:
            self._pairs[event.site, "call"].inc(event.sent)

    def _permitted(self, event: PermitWaited) -> None:
        self._permits[event.account].observe(event.seconds)

    def _changed(self, breaker: str, state: str) -> None:
        self._changes[breaker.partition(" ")[0], state].inc()
