"""What a line of the set asks, and how its documents are judged."""

import json
from typing import Any

import pytest

from rerankq.errors import InvalidRequest
from rerankq_worker.comparison.questions import Qrels, Question, question_from, read_qrels


def question(qrels: Qrels | None = None, **fields: Any) -> Question:
    line = json.dumps({"query": "q", "documents": ["a", "b", "c"]} | fields).encode()
    return question_from(line, 7, qrels=qrels or {}, model="m")


def test_all_documents_are_to_be_scored() -> None:
    """What concerns the queue or cuts the result is left out; a line may have no name."""
    asked = question(top_n=1, lane="interactive", metadata={"a": "b"}, model="other")
    assert asked.name == "line 7"
    assert asked.request.wanted == 3
    assert not asked.request.return_documents
    assert asked.grades is None


def test_grades_and_indices_judge() -> None:
    """`relevance` has a grade for each document, `relevant` the indices of the relevant ones."""
    assert question(relevance=[0, 2, 1]).grades == (0, 2, 1)
    assert question(relevant=[2]).grades == (0, 0, 1)
    assert question(relevant=[]).grades == (0, 0, 0)


def test_qrels_judge_by_names() -> None:
    """Documents that they do not name are not relevant; lines that they do not name, unjudged."""
    qrels = read_qrels(["one 0 x 2", "", "one 0 y -1"])
    documents = [{"id": "x", "text": "a"}, {"id": "y", "text": "b"}, "c"]
    assert question(qrels, custom_id="one", documents=documents).grades == (2, 0, 0)
    assert question(qrels, custom_id="two", documents=documents).grades is None
    assert question(qrels, custom_id="one", relevance=[1, 1, 1]).grades == (1, 1, 1)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"query": " "}, "query: must not be empty (line 7)"),
        ({"relevance": [1]}, "relevance: has 1 grade for 3 documents (line 7)"),
        ({"relevance": [1, 0, -1]}, "relevance: must be a list of whole numbers from 0 (line 7)"),
        ({"relevance": [1, 0, True]}, "relevance: must be a list of whole numbers from 0 (line 7)"),
        ({"relevant": [3]}, "relevant: must be a list of indices of documents, from 0 (line 7)"),
        ({"relevant": "0"}, "relevant: must be a list of indices of documents, from 0 (line 7)"),
    ],
)
def test_a_wrong_line_is_named(fields: dict[str, Any], said: str) -> None:
    """The message names the field and the line, and nothing of the texts."""
    with pytest.raises(InvalidRequest) as caught:
        question(**fields)
    assert str(caught.value) == said


@pytest.mark.parametrize("line", ["one 0 x", "one 0 x high", "one 0 x 1 more"])
def test_a_wrong_line_of_qrels_is_named(line: str) -> None:
    """The message says what a line looks like."""
    with pytest.raises(InvalidRequest, match="line 2 must be `query 0 document grade`"):
        read_qrels(["one 0 x 1", line])
