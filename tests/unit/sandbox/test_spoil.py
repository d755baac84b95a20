import json
import math

import orjson
import pytest

from rerankq_worker.sandbox.actions import SpoilAction
from rerankq_worker.sandbox.contract import build_answer, read_request
from rerankq_worker.sandbox.spoil import Answer, spoil

DOCUMENTS = 3


def answer(documents: int = DOCUMENTS) -> Answer:
    body = orjson.dumps({"model": "m", "query": "q", "documents": ["d"] * documents})
    return build_answer(read_request(body), [0.5] * documents)


def indexes(body: bytes) -> list[int]:
    return [result["index"] for result in orjson.loads(body)["results"]]


def test_wrong_index_is_past_the_last_document() -> None:
    """`wrong_index` puts one index out of range."""
    body = spoil(SpoilAction(kind="wrong_index"), answer(), DOCUMENTS, "id")
    assert indexes(body) == [3, 1, 2]


@pytest.mark.parametrize(("documents", "expected"), [(3, [0, 1, 0]), (1, [0, 0])])
def test_duplicate_index_names_one_document_twice(documents: int, expected: list[int]) -> None:
    """`duplicate_index` answers one index twice, with one document too."""
    body = spoil(SpoilAction(kind="duplicate_index"), answer(documents), documents, "id")
    assert indexes(body) == expected


def test_short_leaves_one_out() -> None:
    """`short` answers one result fewer than it should."""
    assert indexes(spoil(SpoilAction(kind="short"), answer(), DOCUMENTS, "id")) == [0, 1]


def test_nan_is_the_literal() -> None:
    """`nan` writes the literal NaN as a score."""
    body = spoil(SpoilAction(kind="nan"), answer(), DOCUMENTS, "id")
    assert b"NaN" in body
    assert math.isnan(json.loads(body)["results"][0]["relevance_score"])


def test_garbage_is_no_json() -> None:
    """`garbage` breaks off in the middle."""
    with pytest.raises(orjson.JSONDecodeError):
        orjson.loads(spoil(SpoilAction(kind="garbage"), answer(), DOCUMENTS, "id"))


def test_ok_error_is_an_error_body() -> None:
    """`ok_error` carries the gateway's error instead of results."""
    body = spoil(SpoilAction(kind="ok_error"), answer(), DOCUMENTS, "id")
    assert set(orjson.loads(body)) == {"error"}


def test_good_answer_is_left_alone() -> None:
    """Spoiling never changes the answer it was given."""
    good = answer()
    for kind in ("wrong_index", "duplicate_index", "short", "nan"):
        spoil(SpoilAction.model_validate({"kind": kind}), good, DOCUMENTS, "id")
    assert good == answer()
