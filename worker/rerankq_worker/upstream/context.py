"""How many tokens a model reads of a query and a document together, and how they are counted."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from rerankq.cost.counters import TokenCounter, counter, counter_for

KNOWN: Final = {"qwen3-reranker": 32_768}
"""By the beginning of a model's name. Source: the model card of Qwen3-Reranker."""
_TRUNCATING: Final = {"truncate_prompt_tokens", "max_tokens_per_doc"}
"""Options of dialects with which a site cuts long documents itself."""


@dataclass(frozen=True, slots=True)
class DeclaredContext:
    """What the settings of a site say.

    Attributes:
        tokens: None if they say nothing.
        counter: the name of a counter; None for the best that is there.
    """

    tokens: int | None = None
    counter: str | None = None


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
    tokens = declared.tokens
    if tokens is None and _TRUNCATING.isdisjoint(options):
        name = model.rpartition("/")[2].lower()
        tokens = next((size for head, size in KNOWN.items() if name.startswith(head)), None)
    if tokens is None:
        return None
    return Context(tokens, counter(declared.counter) if declared.counter else counter_for(model))
