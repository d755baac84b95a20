"""DMXAPI, according to its page on qwen3-reranker-8b: what is sent, and what is accepted."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rerankq.contract import Document, RerankRequest
from rerankq_worker.upstream.dialects.dmxapi import Dmxapi
from rerankq_worker.upstream.errors import Malformed
from rerankq_worker.upstream.port import Answer

DIALECT = Dmxapi()
REQUEST = RerankRequest(model="m", query="q", documents=("a", Document(id="x", text="b"), "c"))


def row(index: Any, score: Any) -> dict[str, Any]:
    own = "abc"[index] if isinstance(index, int) else "not ours"
    return {"index": index, "relevance_score": score, "document": {"text": own}}


GOOD = [row(2, 0.9), row(0, 0.5), row(1, 0.1)]


def decode(body: Any, request: RerankRequest = REQUEST) -> Answer:
    return DIALECT.decode(body, request, "id-1")


def test_answer_as_documented() -> None:
    """The document's own example: sorted rows with documents, and usage that is 0 throughout."""
    request = RerankRequest(query="如何预防感冒", documents=("1", "2", "3", "4", "5"), top_n=3)
    usage = (
        b'{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0,'
        b'"prompt_tokens_details":{"cached_tokens_details":{}},"completion_tokens_details":{}}'
    )
    rows = (
        b'[{"document":{"text":"..."},"index":0,"relevance_score":0.99853515625},'
        b'{"document":"...","index":4,"relevance_score":0.392333984375},'
        b'{"index":1,"relevance_score":0.2069091796875}]'
    )
    body = orjson.loads(b'{"results":' + rows + b',"usage":' + usage + b"}")
    answer = DIALECT.decode(body, request, None)
    assert [(each.index, each.relevance_score) for each in answer.scores] == [
        (0, 0.99853515625),
        (4, 0.392333984375),
        (1, 0.2069091796875),
    ]
    assert (answer.prompt_tokens, answer.total_tokens) == (0, 0)


@pytest.mark.parametrize(("top_n", "sent"), [(None, 3), (2, 2), (50, 3)])
def test_top_n_is_always_sent(top_n: int | None, sent: int) -> None:
    """The body always has top_n, because some gateways read a missing one as 0."""
    body = orjson.loads(DIALECT.encode(REQUEST.model_copy(update={"top_n": top_n}), "m-here"))
    assert body == {"model": "m-here", "query": "q", "documents": ["a", "b", "c"], "top_n": sent}


def test_instruction_is_sent_only_where_given() -> None:
    """The body has an instruction only if the request has one."""
    body = orjson.loads(DIALECT.encode(REQUEST.model_copy(update={"instruction": "rank"}), "m"))
    assert body["instruction"] == "rank"


@given(st.permutations(range(3)), st.lists(st.floats(-1e9, 1e9), min_size=3, max_size=3))
def test_any_order_of_rows_is_the_same_answer(order: list[int], scores: list[float]) -> None:
    """An answer means the same in any order of its rows."""
    rows = [row(index, scores[index]) for index in order]
    assert decode({"results": rows}).scores == decode({"results": sorted(rows, key=str)}).scores


@pytest.mark.parametrize(
    "results",
    [
        [*GOOD[:2], row([1], 0.3)],
        [*GOOD[:2], row(1.0, 0.3)],
        [*GOOD[:2], row(1, [0.3])],
        [*GOOD[:2], {"index": 1}],
        [*GOOD[:2], {"relevance_score": 0.1}],
        [*GOOD[:2], None],
        [*GOOD[:2], "row"],
        None,
        "",
        "results",
        5,
        {"0": GOOD[0]},
    ],
)
def test_answers_that_cannot_be_trusted_are_malformed(results: Any) -> None:
    """Rows of a wrong type, incomplete rows and missing rows are malformed."""
    with pytest.raises(Malformed):
        decode({"results": results})


@pytest.mark.parametrize("body", [None, [], "x", 5, {}, {"data": GOOD}, [GOOD]])
def test_answer_of_another_shape_is_malformed(body: Any) -> None:
    """An answer without results is malformed."""
    with pytest.raises(Malformed):
        decode(body)


def test_top_n_rows_are_enough() -> None:
    """With top_n, that many rows are an answer, and fewer are malformed."""
    request = REQUEST.model_copy(update={"top_n": 2})
    assert len(decode({"results": GOOD[:2]}, request).scores) == 2
    with pytest.raises(Malformed, match="1 of 2 results"):
        decode({"results": GOOD[:1]}, request)


@pytest.mark.parametrize(
    ("usage", "tokens"),
    [
        ({"prompt_tokens": 7, "total_tokens": 9}, (7, 9)),
        ({"prompt_tokens": 0, "total_tokens": 0}, (0, 0)),
        ({"total_tokens": 9}, (9, 9)),
        ({"prompt_tokens": None, "total_tokens": "9"}, (0, 0)),
        ({"prompt_tokens": -1, "total_tokens": 1.5}, (0, 0)),
        ({"prompt_tokens": True, "total_tokens": False}, (0, 0)),
        (None, (0, 0)),
        ([], (0, 0)),
        ("many", (0, 0)),
    ],
)
def test_usage_is_taken_where_it_is_a_count(usage: Any, tokens: tuple[int, int]) -> None:
    """A missing or wrong figure of usage counts as 0, and the ranking is used."""
    answer = decode({"results": GOOD, "usage": usage})
    assert (answer.prompt_tokens, answer.total_tokens) == tokens


def test_missing_usage_is_no_fault() -> None:
    """An answer without usage is used."""
    assert decode({"results": GOOD}).total_tokens == 0
