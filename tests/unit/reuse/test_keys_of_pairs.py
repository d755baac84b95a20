"""Pairs have the same key only if their scores must be the same."""

from typing import Any

import pytest

from rerankq.contract import Document, RerankRequest
from rerankq_worker.reuse.pair_keys import pair_keys
from rerankq_worker.reuse.sources import source_of, sources_of
from rerankq_worker.upstream.score_scale import Scales, ScoreScale
from rerankq_worker.upstream.sites import Site

URL = "http://a/v1/rerank"


def site(name: str = "a", url: str = URL, dialect: str = "vllm", **more: Any) -> Site:
    return Site(name, url, dialect, (), **more)


def key(
    tenant: str | None = "t",
    source: str = "s",
    query: str = "q",
    document: str = "d",
    instruction: str | None = None,
) -> bytes:
    request = RerankRequest(query=query, documents=("other", document), instruction=instruction)
    return pair_keys(tenant, source, request, request.texts())[1]


@pytest.mark.parametrize(
    "other",
    [
        {"tenant": "u"},
        {"tenant": None},
        {"source": "z"},
        {"query": "q "},
        {"document": "D"},
        {"document": "d\n"},
        {"instruction": ""},
        {"instruction": "i"},
        {"query": "é", "document": "d"},
    ],
)
def test_what_a_key_depends_on(other: dict[str, Any]) -> None:
    """Tenant, source, query, instruction and document, character by character."""
    assert key(**other) != key()


def test_a_key_does_not_depend_on_the_rest() -> None:
    """The other documents, their order, their ids and `top_n` do not matter."""
    request = RerankRequest(query="q", documents=(Document(id="x", text="d"),), top_n=1)
    assert pair_keys("t", "s", request, request.texts()) == [key()]


def test_texts_are_not_normalised() -> None:
    """Two spellings of the same letter are two texts: a model may score them differently."""
    assert key(document="\u00e9") != key(document="e\u0301")


def test_parts_do_not_run_together() -> None:
    """The border between query and document is part of the key."""
    assert key(query="ab", document="c") != key(query="a", document="bc")


@pytest.mark.parametrize(
    "other",
    [
        site("b"),
        site(url="http://b/v1/rerank"),
        site(dialect="cohere"),
        site(options={"truncate_prompt_tokens": 5}),
        site(scales=Scales(ScoreScale.LOGIT)),
        site(scores_as="same"),
    ],
)
def test_what_a_source_depends_on(other: Site) -> None:
    """The site, its address, its dialect with options, the scale and the model."""
    assert source_of(other, "m", "m") != source_of(site(), "m", "m")
    assert source_of(site(), "n", "m") != source_of(site(), "m", "m")
    assert source_of(site(), "m", "another name") == source_of(site(), "m", "m")


def test_sites_that_are_declared_equal_share_their_scores() -> None:
    """Whatever address, dialect and name of the model they have; for the same options."""
    one = site(scores_as="qwen", models={"m": "Qwen/m"})
    two = site("b", "http://b/rerank", "cohere", scores_as="qwen", models={"m": "m-8b"})
    assert source_of(one, "Qwen/m", "m") == source_of(two, "m-8b", "m")
    assert source_of(one, "Qwen/m", "n") != source_of(two, "m-8b", "m")
    limited = site(scores_as="qwen", options={"truncate_prompt_tokens": 5})
    assert source_of(limited, "Qwen/m", "m") != source_of(one, "Qwen/m", "m")


def test_all_sources_of_a_model() -> None:
    """A model of a site is asked for by each of the names that lead to it."""
    equal = site(scores_as="qwen", models={"m": "own", "n": "own", "o": "other"})
    assert set(sources_of(equal, "own")) == {source_of(equal, "own", each) for each in "mn"}
    assert list(sources_of(site(), "m")) == [source_of(site(), "m", "m")]
