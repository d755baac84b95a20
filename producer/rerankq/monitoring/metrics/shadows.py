"""Measures how far a site that is tried out agrees with the rankings of jobs."""

from rerankq.events import RANKED, Events, ShadowCompared, ShadowFailed
from rerankq.monitoring.metrics import catalogue
from rerankq.monitoring.metrics.children import Children, Names
from rerankq.monitoring.metrics.registry import MODELS, Metrics


class Shadows:
    """Measures the copies of jobs that a worker sends.

    Args:
        metrics: where they are counted.
        events: of the worker.
    """

    def __init__(self, metrics: Metrics, events: Events) -> None:
        self._calls = Children(metrics.counter(catalogue.SHADOWS), 3)
        self._agreement = Children(metrics.histogram(catalogue.SHADOW_AGREEMENT), 3)
        self._model = Names(MODELS)
        events.listen(self._compared, ShadowCompared)
        events.listen(self._failed, ShadowFailed)

    def _compared(self, event: ShadowCompared) -> None:
        model = self._model(event.model)
        self._calls[event.site, model, RANKED].inc()
        for top, share in event.overlap.items():
            self._agreement[event.site, model, f"top_{top}"].observe(share)
        if event.rank_correlation is not None:
            self._agreement[event.site, model, "rank_correlation"].observe(event.rank_correlation)

    def _failed(self, event: ShadowFailed) -> None:
        self._calls[event.site, self._model(event.model), event.reason].inc()
