import json
import math
from typing import Any

import orjson
import pytest

from rerankq_sandbox.actions import SpoilAction
from rerankq_sandbox.contract import Question, rank
from rerankq_sandbox.dialects import DIALECTS, DialectName
from rerankq_sandbox.spoil import spoil

PLACES: dict[DialectName, tuple[str, ...]] = {
    "dmxapi": ("results",),
    "voyage": ("data",),
    "tei": (),
    "dashscope": ("output", "results"),
}


def spoiled(kind: str, documents: int = 3, dialect: DialectName = "dmxapi") -> bytes:
    question = Question("m", "q", ["d"] * documents)
    ranking = rank(question, [0.5] * documents)
    before = list(ranking)
    action = SpoilAction.model_validate({"kind": kind})
    body = spoil(action, DIALECTS[dialect], question, ranking, "id")
    assert ranking == before
    return body


def results(body: bytes, dialect: DialectName = "dmxapi") -> Any:
    found = orjson.loads(body)
    for name in PLACES[dialect]:
        found = found[name]
    return found


def indexes(body: bytes, dialect: DialectName = "dmxapi") -> list[int]:
    return [result["index"] for result in results(body, dialect)]


@pytest.mark.parametrize("dialect", PLACES)
def test_wrong_index_is_past_the_last_document(dialect: DialectName) -> None:
    """`wrong_index` puts one index out of range, wherever a dialect has its results."""
    assert indexes(spoiled("wrong_index", dialect=dialect), dialect) == [3, 1, 2]


@pytest.mark.parametrize(("documents", "expected"), [(3, [0, 1, 0]), (1, [0, 0])])
def test_duplicate_index_names_one_document_twice(documents: int, expected: list[int]) -> None:
    """`duplicate_index` answers one index twice, with one document too."""
    assert indexes(spoiled("duplicate_index", documents)) == expected


def test_foreign_documents_are_none_of_the_call() -> None:
    """`foreign_documents` keeps indexes and scores, and repeats documents of another call."""
    body = spoiled("foreign_documents")
    assert indexes(body) == [0, 1, 2]
    assert all(row["document"]["text"] != "d" for row in results(body))


def test_short_leaves_one_out() -> None:
    """`short` answers one result fewer than it should."""
    assert indexes(spoiled("short")) == [0, 1]


@pytest.mark.parametrize("dialect", PLACES)
def test_null_replaces_the_results(dialect: DialectName) -> None:
    """`null_results` puts null where the results should be."""
    assert results(spoiled("null_results", dialect=dialect), dialect) is None


def test_nan_is_the_literal() -> None:
    """`nan` writes the literal NaN as a score."""
    body = spoiled("nan")
    assert b"NaN" in body
    assert math.isnan(json.loads(body)["results"][0]["relevance_score"])


def test_wrong_type_is_a_string() -> None:
    """`wrong_type` writes a score as a string."""
    assert results(spoiled("wrong_type"))[0]["relevance_score"] == "0.5"


def test_garbage_is_no_json() -> None:
    """`garbage` breaks off in the middle."""
    with pytest.raises(orjson.JSONDecodeError):
        orjson.loads(spoiled("garbage"))


def test_ok_error_is_an_error_body() -> None:
    """`ok_error` carries the error body of the dialect instead of results."""
    assert set(orjson.loads(spoiled("ok_error"))) == {"error"}
    assert set(orjson.loads(spoiled("ok_error", dialect="voyage"))) == {"detail"}


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("equal_scores", [0.5, 0.5, 0.5]),
        ("reversed_scores", [0.8, 0.5, 0.1]),
        ("huge_scores", [9e8, 5e8, 2e8]),
        ("logits", [2.197, 0.0, -1.386]),
    ],
)
def test_wrong_scores_keep_the_form_of_a_ranking(kind: str, expected: list[float]) -> None:
    """Four kinds change only the scores: the answer is a sound ranking, best first."""
    question = Question("m", "q", ["d", "e", "f"])
    action = SpoilAction.model_validate({"kind": kind})
    body = spoil(action, DIALECTS["dmxapi"], question, rank(question, [0.9, 0.5, 0.2]), "id")
    scores = [each["relevance_score"] for each in results(body)]
    assert scores == pytest.approx(expected, abs=0.001)
