"""The models that this worker got rankings of, by site: those whose scores are checked."""

from typing import Final

MOST: Final = 50
"""How many models are remembered: jobs may name any model."""


class RankedModels:
    """The models that gave rankings lately."""

    def __init__(self) -> None:
        self._models: dict[tuple[str, str], None] = {}

    def ranked(self, site: str, model: str) -> None:
        """A model gave a ranking. Runs at each call: keep it cheap."""
        models = self._models
        if (site, model) not in models:
            if len(models) >= MOST:
                del models[next(iter(models))]
            models[site, model] = None

    def of(self, site: str) -> list[str]:
        """The models of a site, by the site's names."""
        return [model for where, model in self._models if where == site]
