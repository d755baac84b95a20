"""How many tokens a model reads of a query and a document together, and how they are counted."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from rerankq.cost.counters import TokenCounter, counter, counter_for
from rerankq_worker.upstream.of_models import OfModels

KNOWN: Final = {"qwen3-reranker": 32_768}
"""By the beginning of a model's name. Source: the model card of Qwen3-Reranker."""
_TRUNCATING: Final = {"truncate_prompt_tokens", "max_tokens_per_doc"}
"""Options of dialects with which a site cuts long documents itself."""


@dataclass(frozen=True, slots=True)
class DeclaredContext:
    """What the settings of a site say.

    Attributes:
        tokens: of query and document together.
        counter: the name of a counter; the best that is there, where none is named.
    """

    tokens: OfModels[int] = field(default_factory=OfModels)
    counter: OfModels[str] = field(default_factory=OfModels)


NOT_SAID: Final = DeclaredContext()


@dataclass(frozen=True, slots=True)
class Context:
    """The context of a model.

    Attributes:
        tokens: of a query and a document together.
        counter: counts them.
    """

    tokens: int
    counter: TokenCounter


def context_of(
    model: str, declared: DeclaredContext, options: Iterable[str] = ()
) -> Context | None:
    """The context of a model at a site; None if it is not known, or the site cuts texts itself.

    Args:
        model: the site's name for it.
        declared: what the settings say of the site.
        options: names of the dialect's options that are set.

    Raises:
        SettingsError: there is no such counter.
        MissingExtra: the counter needs an extra that is not installed.
    """
    tokens, name_of_counter = declared.tokens.of(model), declared.counter.of(model)
    if tokens is None and _TRUNCATING.isdisjoint(options):
        name = model.rpartition("/")[2].lower()
        tokens = next((size for head, size in KNOWN.items() if name.startswith(head)), None)
    if tokens is None:
        return None
    return Context(tokens, counter(name_of_counter) if name_of_counter else counter_for(model))
