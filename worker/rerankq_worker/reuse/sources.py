"""What gives a score: a site, or sites that are declared to give the same, a model, its options.

Two pairs of the same texts have the same score only if they come from the same source.
"""

from collections.abc import Iterator
from hashlib import blake2b
from typing import Final

import orjson

from rerankq.score_cache.cache import forget_scores
from rerankq.store.store import Store
from rerankq_worker.upstream.sites import Site

_BYTES: Final = 8


def source_of(site: Site, model: str, asked: str) -> str:
    """The name of a source: 16 hexadecimal digits.

    Args:
        site: where the call is made.
        model: the site's name for the model.
        asked: the job's name for it.
    """
    scale = site.scales.of(model)
    # Equal sites may call a model differently, and speak different dialects.
    place = [site.scores_as, asked] if site.scores_as else [None, site.name, site.endpoint, model]
    told = [place, sorted(site.options.items()), scale and scale.value]
    return blake2b(orjson.dumps(told), digest_size=_BYTES).hexdigest()


def sources_of(site: Site, model: str) -> Iterator[str]:
    """The sources whose scores a model of a site gives, by whatever name jobs ask for it."""
    asked = {model} if not site.models else set()
    asked |= {name for name, own in site.models.items() if own == model}
    yield from {source_of(site, model, each) for each in asked}


async def forget_model(store: Store, site: Site, model: str) -> None:
    """Forget the scores of a model at a site, because they make no sense.

    Args:
        store: the Redis.
        site: the site; the scores of all that are declared to give the same are forgotten.
        model: the site's name for the model.

    Raises:
        LedgerUnavailable: Redis cannot be used: they are not forgotten.
    """
    await forget_scores(store, list(sources_of(site, model)))
