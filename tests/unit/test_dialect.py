"""The dialect of DMXAPI: what is sent, and what is believed of the answer."""

import contextlib
import math
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rerankq.contract import Document, RerankRequest
from rerankq_worker.provider.dmxapi import DmxapiDialect
from rerankq_worker.upstream import Answer, Malformed

DIALECT = DmxapiDialect()
REQUEST = RerankRequest(model="m", query="q", documents=("a", Document(id="x", text="b"), "c"))


def row(index: Any, score: Any) -> dict[str, Any]:
    return {"index": index, "relevance_score": score, "document": {"text": "not ours"}}


GOOD = [row(2, 0.9), row(0, 0.5), row(1, 0.1)]


def decode(body: Any, request: RerankRequest = REQUEST) -> Answer:
    return DIALECT.decode(body, request, "id-1")


@pytest.mark.parametrize(("top_n", "sent"), [(None, 3), (2, 2), (50, 3)])
def test_top_n_is_always_sent(top_n: int | None, sent: int) -> None:
    """The body always holds top_n, for some gateways read a missing one as 0."""
    body = orjson.loads(DIALECT.encode(REQUEST.model_copy(update={"top_n": top_n})))
    assert body == {"model": "m", "query": "q", "documents": ["a", "b", "c"], "top_n": sent}


def test_instruction_is_sent_only_where_given() -> None:
    """An instruction stands in the body of a request that has one."""
    body = orjson.loads(DIALECT.encode(REQUEST.model_copy(update={"instruction": "rank"})))
    assert body["instruction"] == "rank"


def test_scores_come_best_first() -> None:
    """The scores are sorted here, whatever order the upstream kept; ties go by index."""
    answer = decode({"results": [row(1, 0.5), row(2, 1), row(0, 0.5)]})
    assert [(each.index, each.relevance_score) for each in answer.scores] == [
        (2, 1.0),
        (0, 0.5),
        (1, 0.5),
    ]
    assert answer.request_id == "id-1"


@given(st.permutations(range(3)), st.lists(st.floats(-1e9, 1e9), min_size=3, max_size=3))
def test_any_order_of_rows_is_the_same_answer(order: list[int], scores: list[float]) -> None:
    """An answer means the same in whatever order its rows stand."""
    rows = [row(index, scores[index]) for index in order]
    assert decode({"results": rows}).scores == decode({"results": sorted(rows, key=str)}).scores


@pytest.mark.parametrize(
    "results",
    [
        GOOD[:2],
        [],
        [*GOOD[:2], row(2, 0.3)],
        [*GOOD, row(0, 0.3)],
        [*GOOD[:2], row(3, 0.3)],
        [*GOOD[:2], row(-1, 0.3)],
        [row(2, 0.9), {"index": False, "relevance_score": 0.5}, row(1, 0.1)],
        [*GOOD[:2], row("1", 0.3)],
        [*GOOD[:2], row(1.0, 0.3)],
        [*GOOD[:2], row(None, 0.3)],
        [*GOOD[:2], row([1], 0.3)],
        [*GOOD[:2], row(1, math.nan)],
        [*GOOD[:2], row(1, math.inf)],
        [*GOOD[:2], row(1, -math.inf)],
        [*GOOD[:2], row(1, "0.3")],
        [*GOOD[:2], row(1, None)],
        [*GOOD[:2], {"index": 1, "relevance_score": True}],
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
    """Too few rows, an index twice or out of range, a score that is no number: all malformed."""
    with pytest.raises(Malformed):
        decode({"results": results})


@pytest.mark.parametrize("body", [None, [], "x", 5, {}, {"data": GOOD}, [GOOD]])
def test_answer_of_another_shape_is_malformed(body: Any) -> None:
    """An answer that has no results is malformed, whatever else it is."""
    with pytest.raises(Malformed):
        decode(body)


def test_top_n_rows_are_enough() -> None:
    """Where only the best were asked for, so many rows are an answer, and fewer are none."""
    request = REQUEST.model_copy(update={"top_n": 2})
    assert len(decode({"results": GOOD[:2]}, request).scores) == 2
    with pytest.raises(Malformed, match="1 of 2 results"):
        decode({"results": GOOD[:1]}, request)


@pytest.mark.parametrize(
    ("usage", "tokens"),
    [
        ({"prompt_tokens": 7, "total_tokens": 9}, (7, 9)),
        ({"prompt_tokens": 0, "total_tokens": 0}, (0, 0)),
        ({"total_tokens": 9}, (0, 9)),
        ({"prompt_tokens": None, "total_tokens": "9"}, (0, 0)),
        ({"prompt_tokens": -1, "total_tokens": 1.5}, (0, 0)),
        ({"prompt_tokens": True, "total_tokens": False}, (0, 0)),
        (None, (0, 0)),
        ([], (0, 0)),
        ("many", (0, 0)),
    ],
)
def test_usage_is_taken_where_it_is_a_count(usage: Any, tokens: tuple[int, int]) -> None:
    """A missing or senseless figure of usage counts as 0 and spoils no ranking."""
    answer = decode({"results": GOOD, "usage": usage})
    assert (answer.prompt_tokens, answer.total_tokens) == tokens


def test_missing_usage_is_no_fault() -> None:
    """An answer without usage is an answer."""
    assert decode({"results": GOOD}).total_tokens == 0


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.sampled_from(["results", "index", "relevance_score", "usage"]), inner
            )
        ),
        max_leaves=12,
    )
)
def test_any_json_is_an_answer_or_malformed(body: Any) -> None:
    """Whatever JSON comes, it is a full answer or malformed, and no other error."""
    with contextlib.suppress(Malformed):
        assert len(decode(body).scores) >= 3
