"""Forms of rerank calls: what each client sends, and what it gets back."""

import math
from typing import Any

import orjson
import pytest

from rerankq.errors import InvalidRequest
from rerankq_gateway.errors import Problem
from rerankq_gateway.rerank.dialects import TEI, Ranking, Row, dialect_of
from rerankq_gateway.rerank.dialects.ranking import in_order_given, ranking_from

STORED = (
    b'{"version":"1.1","job_id":"the-job","model":"a-model","results":[{"index":1,'
    b'"relevance_score":0.9},{"index":0,"relevance_score":0.5}],"usage":{"prompt_tokens":0,'
    b'"total_tokens":0,"estimated_tokens":7},"attempts":1,"timings":{"waited_seconds":0.1,'
    b'"upstream_seconds":0.2},"metadata":{}}'
)
ASKED = {"query": "cats", "documents": ["a dog", "a cat"]}
USAGE = {"prompt_tokens": 7, "completion_tokens": 0, "total_tokens": 7}
PAIRS = ["a dog", "a cat"]


def superset(version: str, *, documents: bool, **meta: Any) -> dict[str, Any]:
    """The superset's answer to `ASKED`."""
    rows: list[dict[str, Any]] = [
        {"index": 1, "relevance_score": 0.9},
        {"index": 0, "relevance_score": 0.5},
    ]
    for row in rows if documents else ():
        row["document"] = {"text": PAIRS[row["index"]]}
    return {
        "id": "the-job",
        "object": "rerank",
        "model": "a-model",
        "results": rows,
        "usage": USAGE,
        "meta": {
            "api_version": {"version": version},
            "billed_units": {"search_units": 1},
            "tokens": {"input_tokens": 7, "output_tokens": 0},
            **meta,
        },
    }


def answer(path: str, fields: dict[str, Any], agent: str = "") -> Any:
    """What is answered to these fields with the stored result."""
    dialect = dialect_of(path, agent, fields)
    return dialect.write(dialect.read(fields), [ranking_from("the-job", STORED)])


@pytest.mark.parametrize(
    ("path", "agent", "beside", "expected"),
    [
        pytest.param("/v1/rerank", "", {}, superset("1", documents=True), id="Jina"),
        pytest.param("/rerank", "", {"top_n": 0}, superset("1", documents=True), id="vLLM"),
        pytest.param(
            "/v1/rerank",
            "",
            {"top_n": None, "return_documents": None, "raw_scores": None, "overlap_tokens": 80},
            superset("1", documents=True),
            id="nulls and unknown fields",
        ),
        pytest.param(
            "/v1/rerank",
            "cohere/5.20.0",
            {"max_chunks_per_doc": 10},
            superset("1", documents=False),
            id="Cohere v1",
        ),
        pytest.param(
            "/v2/rerank",
            "cohere/7.3.1",
            {"max_tokens_per_doc": 4096, "priority": 0, "relevant_spans": {"mode": "off"}},
            superset("2", documents=False),
            id="Cohere v2",
        ),
        pytest.param(
            "/v2/rerank",
            "",
            {"return_documents": True},
            superset("2", documents=True),
            id="Cohere v2 with documents",
        ),
    ],
)
def test_clients_of_the_superset(
    path: str, agent: str, beside: dict[str, Any], expected: object
) -> None:
    """Jina, vLLM and Cohere get the superset, each with the documents that it counts on."""
    assert answer(path, ASKED | beside, agent) == expected


def test_voyage() -> None:
    """Voyage's client gets a list under `data`, documents as plain texts, and its usage."""
    fields = ASKED | {"top_k": 2, "truncation": True, "return_documents": True}
    found = answer("/v1/rerank", fields)
    assert (found["object"], found["usage"]["total_tokens"]) == ("list", 7)
    assert found["data"] == [
        {"index": 1, "relevance_score": 0.9, "document": "a cat"},
        {"index": 0, "relevance_score": 0.5, "document": "a dog"},
    ]
    assert "document" not in answer("/v1/rerank", ASKED, "voyageai-python/0.5")["data"][0]


def test_tei() -> None:
    """TEI's clients get a bare list with `score`, and the text if they ask for it."""
    fields = {"query": "cats", "texts": PAIRS, "truncate": True, "truncation_direction": "Right"}
    assert answer("/rerank", fields) == [{"index": 1, "score": 0.9}, {"index": 0, "score": 0.5}]
    assert answer("/rerank", fields | {"return_text": True})[0] == {
        "index": 1,
        "text": "a cat",
        "score": 0.9,
    }


@pytest.mark.parametrize(
    "fields",
    [
        {"queries": "cats", "documents": PAIRS},
        {"queries": ["cats"], "items": PAIRS},
        {"text_1": "cats", "text_2": PAIRS},
        {"data_1": "cats", "data_2": PAIRS},
        {"query": "cats", "documents": PAIRS},
    ],
)
def test_scores_come_in_the_order_of_the_pairs(fields: dict[str, Any]) -> None:
    """VLLM's scores are a list in the order of the texts, however they are named."""
    found = answer("/v1/score", fields)
    assert found["data"] == [
        {"index": 0, "object": "score", "score": 0.5},
        {"index": 1, "object": "score", "score": 0.9},
    ]
    assert (found["object"], found["usage"]) == ("list", USAGE)


def test_pairs_are_scored_one_by_one() -> None:
    """As many queries as documents are as many questions, and their scores keep the order."""
    fields = {"text_1": ["a", "b"], "text_2": ["c", "d"], "model": "m"}
    dialect = dialect_of("/score", "", fields)
    call = dialect.read(fields)
    assert [(each.query, list(each.texts)) for each in call.questions] == [
        ("a", ["c"]),
        ("b", ["d"]),
    ]
    rankings = [Ranking(name, "m", [Row(0, score)], 2) for name, score in (("x", 0.1), ("y", 0.2))]
    found = dialect.write(call, rankings)
    assert [(each["index"], each["score"]) for each in found["data"]] == [(0, 0.1), (1, 0.2)]
    assert found["usage"]["total_tokens"] == 4


def test_logits_on_request() -> None:
    """Raw scores are logits of the stored probabilities, bounded where these have no digits."""
    found = answer("/v1/rerank", ASKED | {"raw_scores": True})
    assert [each["relevance_score"] for each in found["results"]] == [
        pytest.approx(math.log(9)),
        0.0,
    ]
    assert found["meta"]["warnings"]
    dialect = dialect_of("/rerank", "", {"texts": PAIRS})
    call = dialect.read({"query": "q", "texts": PAIRS, "raw_scores": True})
    extremes = Ranking("j", "m", [Row(0, 1.0), Row(1, 0.0)])
    assert [each["score"] for each in dialect.write(call, [extremes])] == [30.0, -30.0]
    assert answer("/v1/score", {"text_1": "q", "text_2": PAIRS, "use_activation": False})["data"][
        0
    ]["score"] == pytest.approx(0.0)


def test_logits_of_the_site() -> None:
    """Where the upstream gives logits, calls for logits get these, and no warning."""
    result = orjson.loads(STORED)
    best, other = result["results"]
    rows = [best | {"raw_score": 41.5}, other | {"raw_score": 0.25}]
    stored = orjson.dumps(result | {"results": rows, "raw_scale": "logit"})
    for path, fields in (
        ("/v1/rerank", ASKED | {"raw_scores": True}),
        ("/rerank", {"query": "q", "texts": PAIRS, "raw_scores": True}),
        ("/score", {"text_1": "q", "text_2": PAIRS, "use_activation": False}),
    ):
        dialect = dialect_of(path, "", fields)
        found = dialect.write(dialect.read(fields), [ranking_from("j", stored)])
        given = found if isinstance(found, list) else found.get("results") or found["data"]
        scores = {each["index"]: each.get("score", each.get("relevance_score")) for each in given}
        assert scores == {1: 41.5, 0: 0.25}
        assert b"warnings" not in orjson.dumps(found)


def test_documents_of_several_shapes() -> None:
    """Objects are ranked by their text, or by the fields named, and come back as they were."""
    fields = {
        "query": {"text": "cats"},
        "documents": [{"title": "T", "body": "B", "text": "x"}, "plain"],
        "rank_fields": ["title", "body", "missing"],
    }
    dialect = dialect_of("/v1/rerank", "", fields)
    call = dialect.read(fields)
    assert call.questions == (("cats", ["T\nB", "plain"]),)
    found = dialect.write(call, [ranking_from("j", STORED)])
    assert [each["document"] for each in found["results"]] == [
        {"text": "plain"},
        {"title": "T", "body": "B", "text": "x"},
    ]
    parts = {"content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}
    read = dialect.read({"query": "q", "documents": [parts]})
    assert read.questions[0].texts == ["a\nb"]


@pytest.mark.parametrize("path", ["/v1/rerank", "/v2/rerank", "/rerank", "/v1/score"])
def test_a_document_that_no_answer_can_repeat_is_refused(path: str) -> None:
    """Before anything is ranked, and by its place; what is nested less comes back as it was."""
    deep: Any = [[]]
    for _ in range(95):
        deep = [deep]
    found = answer("/v2/rerank", {**ASKED, "documents": ["a", {"text": "b", "tags": deep}]})
    assert orjson.dumps(found)
    for _ in range(900):
        deep = {"a": deep}
    fields = {
        "query": "q",
        "documents": ["a", {"text": "b", "tags": deep}],
        "rank_fields": ["tags"],
    }
    with pytest.raises(InvalidRequest, match="nested deeper") as refused:
        dialect_of(path, "", fields).read(fields)
    assert refused.value.field == "documents.1"


def test_what_a_call_says_beside() -> None:
    """Model, instruction, priority, time limit and the wish on failure are read."""
    fields = ASKED | {
        "model": "m",
        "instruction": "",
        "priority": 2,
        "on_failure": "original_order",
        "timeout": 5,
        "top_n": 1.0,
        "user": 7,
    }
    call = dialect_of("/v1/rerank", "", fields).read(fields)
    assert (call.model, call.instruction, call.is_urgent) == ("m", None, False)
    assert (call.on_failure, call.timeout, call.top_n) == ("original_order", 5.0, 1)


@pytest.mark.parametrize(
    ("field", "fields"),
    [
        ("query", {"documents": ["a"]}),
        ("query", {"query": 5, "documents": ["a"]}),
        ("documents", {"query": "q"}),
        ("documents", {"query": "q", "documents": []}),
        ("documents", {"query": "q", "documents": {"text": "a"}}),
        ("documents.1", {"query": "q", "documents": ["a", 5]}),
        ("documents.0", {"query": "q", "documents": [{"image": "x"}]}),
        ("top_n", ASKED | {"top_n": -1}),
        ("top_n", ASKED | {"top_n": "two"}),
        ("top_n", ASKED | {"top_n": 1.5}),
        ("top_n", ASKED | {"top_n": 1e300}),
        ("top_k", ASKED | {"top_k": True}),
        ("return_documents", ASKED | {"return_documents": "yes"}),
        ("min_score", ASKED | {"min_score": 1.5}),
        ("min_score", ASKED | {"min_score": True}),
        ("priority", ASKED | {"priority": "high"}),
        ("on_failure", ASKED | {"on_failure": "guess"}),
        ("timeout", ASKED | {"timeout": 0}),
        ("timeout", ASKED | {"timeout": "5"}),
        ("rank_fields", ASKED | {"rank_fields": "text"}),
        ("model", ASKED | {"model": 3}),
        ("texts", {"query": "q", "texts": None}),
        ("text_1", {"text_1": ["a", "b"], "text_2": ["c"]}),
        ("text_1", {"text_1": ["a"] * 1001, "text_2": ["b"] * 1001}),
    ],
)
def test_wrong_fields_are_named(field: str, fields: dict[str, Any]) -> None:
    """A field that is missing or wrong is named, and its value is not."""
    with pytest.raises(InvalidRequest) as caught:
        dialect_of("/v1/rerank", "", fields).read(fields)
    assert caught.value.field == field


def test_degraded_answers_say_so() -> None:
    """Documents in their order are flagged, have no usage, and no more of them than asked for."""
    fields = ASKED | {"top_n": 1}
    dialect = dialect_of("/v1/rerank", "", fields)
    call = dialect.read(fields)
    found = dialect.write(call, [in_order_given("j", "m", 2, call.top_n)])
    assert found["degraded"] is True
    assert "usage" not in found
    assert found["results"] == [{"index": 0, "relevance_score": 0.0, "document": {"text": "a dog"}}]


@pytest.mark.parametrize(
    ("status", "kind"), [(422, "Validation"), (429, "Overloaded"), (503, "Unhealthy")]
)
def test_errors_of_tei(status: int, kind: str) -> None:
    """TEI's clients find a text under `error`, and its own kind of error."""
    members = TEI.refusal(Problem(status, "a_code", "what happened")).members
    assert members == {"error": "what happened", "error_type": kind}
