"""How many tokens a model reads, and how they are counted."""

from typing import Any

import pytest

from rerankq.accounts.accounts import Limits
from rerankq.cost.counters import CharactersEach, Estimate, ExactQwen3
from rerankq_worker.upstream.context import NOT_SAID, Context, DeclaredContext, context_of
from rerankq_worker.upstream.of_models import OfModels
from rerankq_worker.upstream.sites import Account, Key, Site, least_contexts


def declared(tokens: int, counter: str | None = None) -> DeclaredContext:
    return DeclaredContext(OfModels(tokens), OfModels(counter))


def site(**fields: Any) -> Site:
    return Site("s", "http://s", "vllm", (Account("a", (Key("k"),), Limits()),), **fields)


@pytest.mark.parametrize(
    ("model", "said", "options", "expected"),
    [
        ("qwen3-reranker-8b", NOT_SAID, (), Context(32_768, ExactQwen3())),
        ("Qwen/Qwen3-Reranker-4B", NOT_SAID, (), Context(32_768, ExactQwen3())),
        ("qwen3-reranker-8b", declared(8192), (), Context(8192, ExactQwen3())),
        ("bge-reranker", NOT_SAID, (), None),
        ("bge-reranker", declared(512), (), Context(512, Estimate())),
        ("bge-reranker", declared(512, "3"), (), Context(512, CharactersEach(3.0))),
        ("qwen3-reranker-8b", NOT_SAID, ("truncate_prompt_tokens",), None),
    ],
)
def test_the_context_of_a_model(
    model: str, said: DeclaredContext, options: tuple[str, ...], expected: Context | None
) -> None:
    """As declared, else as known of the model; unknown where a site cuts texts itself."""
    assert context_of(model, said, options) == expected


def test_models_of_a_site_may_differ() -> None:
    """What is declared of a model goes before what is declared of its site."""
    said = DeclaredContext(OfModels(8192, {"small": 512}), OfModels(models={"small": "3"}))
    assert context_of("small", said) == Context(512, CharactersEach(3.0))
    assert context_of("other", said) == Context(8192, Estimate())


def test_the_least_of_all_sites_counts() -> None:
    """A job may go to any site that serves its model, under that site's name."""
    sites = [
        site(models={"m": "qwen3-reranker-8b"}),
        site(context=declared(1000), models={"m": "other", "n": "other"}),
        site(context=declared(500), models={"n": "other"}),
        site(models={"n": "unknown"}),
    ]
    least = least_contexts(sites)
    assert [(found := least(name)) and found.tokens for name in ("m", "n", "o")] == [
        *(1000, 500),
        None,
    ]
