"""A model at a site, as the command line names it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from rerankq.cost.prices import Price
from rerankq.errors import SettingsError
from rerankq_worker.upstream.sites import Site


@dataclass(frozen=True, slots=True)
class Target:
    """One of the two that are compared.

    Attributes:
        site: where it is called.
        model: the site's name for the model.
        price: what the model costs; None if that is not known.
    """

    site: Site
    model: str
    price: Price | None = field(default=None, compare=False)

    @property
    def name(self) -> str:
        """How reports name it."""
        return f"{self.site.name}:{self.model}"


def target_from(text: str, sites: Sequence[Site], default_model: str) -> Target:
    """The target that a text names: `SITE`, `SITE:MODEL`, or a model of the first site with it.

    Args:
        text: what the user wrote.
        sites: the sites that are set, in their order.
        default_model: the model where only a site is named.

    Raises:
        SettingsError: no site has that model.
    """
    for site in sites:
        if text == site.name:
            return Target(site, _model(site, default_model))
    # A site's name may hold a colon too, as that of `127.0.0.1:8787` does: the longest fits best.
    for site in sorted(sites, key=lambda each: -len(each.name)):
        if text.startswith(f"{site.name}:"):
            return Target(site, _model(site, text[len(site.name) + 1 :]))
    for site in sites:
        if (model := site.model(text)) is not None:
            return Target(site, model)
    raise SettingsError(
        f"{text} names no site, and no site serves a model of that name: known sites are "
        f"{', '.join(each.name for each in sites)}"
    )


def _model(site: Site, name: str) -> str:
    model = site.model(name)
    if model is None and name in site.models.values():
        return name
    if model is None:
        known = ", ".join(site.models)
        raise SettingsError(
            f"the site {site.name} does not serve the model {name}: it serves {known}; write "
            f"{site.name}:MODEL"
        )
    return model
