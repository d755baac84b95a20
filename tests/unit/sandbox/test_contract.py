from typing import Any

import orjson
import pytest

from rerankq_sandbox.contract import encode, rank
from rerankq_sandbox.dialects import DIALECTS
from rerankq_sandbox.error_table import typical
from rerankq_sandbox.errors import GatewayError
from rerankq_sandbox.shapes import GATEWAY

DMXAPI = DIALECTS["dmxapi"]
GOOD = {"model": "m", "query": "q", "documents": ["a", {"text": "b"}, "c"]}


def body(**changes: object) -> bytes:
    return orjson.dumps({**GOOD, **changes})


def answer_to(asked: bytes, scores: list[float]) -> Any:
    question = DMXAPI.read(asked)
    return orjson.loads(encode(DMXAPI.answer(question, rank(question, scores), "id")))


def test_documents_come_as_strings_or_objects() -> None:
    """A document is a string or an object with a text."""
    assert DMXAPI.read(body()).texts == ["a", "b", "c"]


def test_answer_has_the_documented_shape() -> None:
    """An answer is sorted by score, best first, and its usage figures are all 0."""
    assert answer_to(body(top_n=2), [0.1, 0.9, 0.5]) == {
        "results": [
            {"document": {"text": "b"}, "index": 1, "relevance_score": 0.9},
            {"document": {"text": "c"}, "index": 2, "relevance_score": 0.5},
        ],
        "usage": {
            "prompt_tokens": 0,
            "completion_tokens": 0,
            "total_tokens": 0,
            "prompt_tokens_details": {"cached_tokens_details": {}},
            "completion_tokens_details": {},
        },
    }


@pytest.mark.parametrize("top_n", [None, 3, 100])
def test_top_n_may_exceed_the_documents(top_n: int | None) -> None:
    """Without top_n, or with one above the number of documents, every document is answered."""
    answer = answer_to(body(top_n=top_n), [0.1, 0.2, 0.3])
    assert [result["index"] for result in answer["results"]] == [2, 1, 0]


def test_equal_scores_keep_the_order_of_the_call() -> None:
    """Among equal scores the earlier document comes first."""
    answer = answer_to(body(), [0.5, 0.5, 0.5])
    assert [result["index"] for result in answer["results"]] == [0, 1, 2]


def test_documents_can_be_left_out() -> None:
    """With return_documents false, results carry no document."""
    answer = answer_to(body(return_documents=False), [0.1, 0.2, 0.3])
    assert [set(result) for result in answer["results"]] == [{"index", "relevance_score"}] * 3


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[]",
        b"null",
        b"{}",
        b"[" * 100_000,
        body(query=None),
        body(query=""),
        body(query=7),
        body(documents=None),
        body(documents=[]),
        body(documents="abc"),
        body(documents=["a", 1]),
        body(documents=[{"txt": "a"}]),
        body(model=""),
        body(top_n=0),
        body(top_n=-1),
        body(top_n="3"),
        body(top_n=1.5),
        body(top_n=True),
        body(return_documents="yes"),
    ],
)
def test_bad_bodies_are_refused_with_400(bad: bytes) -> None:
    """Any bad body is refused with 400."""
    with pytest.raises(GatewayError) as caught:
        DMXAPI.read(bad)
    assert caught.value.status == 400


def test_refusals_never_repeat_what_was_sent() -> None:
    """A refusal names the field and the rule, and never the content."""
    with pytest.raises(GatewayError) as caught:
        DMXAPI.read(body(documents=["private words", {"private": "private"}], query="private"))
    assert caught.value.message.startswith("documents.1: ")
    assert "private" not in caught.value.message


def test_error_bodies_have_the_gateways_shape() -> None:
    """An error body is the gateway family's, with the request id at the end of the message."""
    shown = orjson.loads(GATEWAY.write(typical(429), "abc"))
    assert set(shown["error"]) == {"message", "type", "param", "code"}
    assert shown["error"]["type"] == "new_api_error"
    assert shown["error"]["code"] is None
    assert shown["error"]["message"].endswith("(request id: abc)")
