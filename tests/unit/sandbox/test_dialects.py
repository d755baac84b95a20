from typing import Any

import orjson
import pytest

from rerankq_sandbox.contract import encode, rank
from rerankq_sandbox.dialects import DIALECTS, DialectName, served
from rerankq_sandbox.errors import GatewayError

DOCUMENTS = ["one", "two words", "three"]
SCORES = [0.1, 0.9, 0.5]
ASKED: dict[str, Any] = {"model": "qwen3-m", "query": "q", "documents": DOCUMENTS}
PAIRS: dict[str, Any] = {"model": "m", "text_1": "q", "text_2": DOCUMENTS}
TEXTS: dict[str, Any] = {"query": "q", "texts": DOCUMENTS}


def nested(**parameters: Any) -> dict[str, Any]:
    given = {"query": "q", "documents": DOCUMENTS}
    return {"model": "m", "input": given, "parameters": parameters}


def answered(name: DialectName, body: dict[str, Any]) -> Any:
    dialect = DIALECTS[name]
    question = dialect.read(orjson.dumps(body))
    ranking = rank(question, SCORES[: len(question.texts)])
    return orjson.loads(encode(dialect.answer(question, ranking, "the-id")))


def refusal(name: DialectName, body: dict[str, Any]) -> tuple[int, Any]:
    dialect = DIALECTS[name]
    with pytest.raises(GatewayError) as caught:
        dialect.read(orjson.dumps(body))
    return caught.value.status, orjson.loads(dialect.shape.write(caught.value, "the-id"))


def test_cohere_answers_without_documents() -> None:
    """Cohere answers only index and score, and bills a search unit for a hundred documents."""
    assert answered("cohere", ASKED | {"top_n": 1, "max_tokens_per_doc": 100}) == {
        "id": "the-id",
        "results": [{"index": 1, "relevance_score": 0.9}],
        "meta": {"api_version": {"version": "2"}, "billed_units": {"search_units": 1}},
    }
    status, said = refusal("cohere", ASKED | {"documents": ["d"] * 10_001})
    assert (status, set(said)) == (400, {"message"})


def test_jina_returns_documents_unless_told_not_to() -> None:
    """Jina answers in DMXAPI's shape with the tokens it read, and documents come by default."""
    asked = ASKED | {"top_n": 1, "return_documents": False}
    assert answered("jina", asked) == {
        "model": "qwen3-m",
        "usage": {"total_tokens": 7},
        "results": [{"index": 1, "relevance_score": 0.9}],
    }
    assert answered("jina", ASKED)["results"][0]["document"] == {"text": "two words"}
    status, said = refusal("jina", ASKED | {"documents": []})
    assert (status, set(said)) == (400, {"detail"})


def test_siliconflow_has_documents_as_objects_on_request() -> None:
    """SiliconFlow returns documents when asked, and its usage in one of two places."""
    asked = ASKED | {"top_n": 1, "return_documents": True, "instruction": "rank"}
    answer = answered("siliconflow", asked)
    assert answer["results"] == [
        {"document": {"text": "two words"}, "index": 1, "relevance_score": 0.9}
    ]
    assert answer["meta"]["tokens"]["input_tokens"] == 7
    assert "tokens" not in answer
    other = answered("siliconflow-as-documented", ASKED)
    assert (other["tokens"]["input_tokens"], "meta" in other) == (7, False)
    assert set(other["results"][0]) == {"index", "relevance_score"}


def test_siliconflow_takes_an_instruction_only_for_qwen3() -> None:
    """An instruction with another model is refused in the flat shape."""
    status, said = refusal("siliconflow", ASKED | {"model": "bge", "instruction": "rank"})
    assert (status, set(said), said["data"]) == (400, {"code", "message", "data"}, None)


def test_voyage_has_top_k_and_data() -> None:
    """Voyage is asked with top_k and answers `data` with documents as strings."""
    assert answered("voyage", ASKED | {"top_k": 1, "return_documents": True}) == {
        "object": "list",
        "data": [{"relevance_score": 0.9, "index": 1, "document": "two words"}],
        "model": "qwen3-m",
        "usage": {"total_tokens": 7},
    }
    status, said = refusal("voyage", ASKED | {"documents": ["d"] * 1001})
    assert (status, set(said)) == (400, {"detail"})


@pytest.mark.parametrize(("top_n", "results"), [(None, 3), (0, 3), (2, 2)])
def test_vllm_counts_what_it_used(top_n: int | None, results: int) -> None:
    """VLLM answers documents as objects and real usage; its top_n of 0 means all."""
    answer = answered("vllm", ASKED if top_n is None else ASKED | {"top_n": top_n})
    assert answer["results"][0] == {
        "index": 1,
        "document": {"text": "two words", "multi_modal": None},
        "relevance_score": 0.9,
    }
    assert len(answer["results"]) == results
    assert answer["usage"] == {"prompt_tokens": 7, "total_tokens": 7}


def test_vllm_refuses_what_exceeds_the_context() -> None:
    """A document over the context is a 400, unless it may be truncated."""
    long = ASKED | {"documents": ["一" * 60_000]}
    status, said = refusal("vllm", long)
    assert (status, said["error"]["code"], said["error"]["type"]) == (400, 400, "BadRequestError")
    assert answered("vllm", long | {"truncate_prompt_tokens": 512})["results"]
    assert answered("vllm", ASKED | {"documents": ["一" * 40_000]})["results"]


def test_vllm_scores_pairs_in_their_order() -> None:
    """One query with many documents, or as many: the scores come in the order of the pairs."""
    answer = answered("vllm-score", PAIRS)
    assert answer["data"] == [
        {"index": index, "object": "score", "score": score} for index, score in enumerate(SCORES)
    ]
    assert answer["usage"] == {"prompt_tokens": 7, "total_tokens": 7}
    own = DIALECTS["vllm-score"].read(orjson.dumps(PAIRS | {"text_1": ["a", "b", "c"]}))
    assert own.lists() == [("a", ["one"]), ("b", ["two words"]), ("c", ["three"])]


@pytest.mark.parametrize(
    "wrong", [{"text_1": ["a", "b"]}, {"text_2": []}, {"text_1": ["a", "b", "一" * 60_000]}]
)
def test_vllm_scores_only_pairs_that_fit(wrong: dict[str, Any]) -> None:
    """Lists of other lengths, empty ones and pairs over the context are a 400."""
    status, said = refusal("vllm-score", PAIRS | wrong)
    assert (status, said["error"]["type"]) == (400, "BadRequestError")


def test_tei_answers_a_bare_list() -> None:
    """TEI ranks `texts` and answers a list, with texts when asked."""
    assert answered("tei", TEXTS)[0] == {"index": 1, "score": 0.9}
    assert answered("tei", TEXTS | {"return_text": True})[0]["text"] == "two words"


def test_tei_takes_32_texts() -> None:
    """More than 32 texts, or a wrong body, are a 422 in TEI's shape."""
    status, said = refusal("tei", TEXTS | {"texts": ["d"] * 33})
    assert (status, said["error_type"]) == (422, "Validation")
    assert said["error"] == "batch size 33 > maximum allowed batch size 32"
    assert refusal("tei", {"query": "q"})[0] == 422


def test_dashscope_nests_both_ways() -> None:
    """DashScope is asked with input and parameters, and answers in output."""
    answer = answered("dashscope", nested(top_n=1, return_documents=True))
    assert answer == {
        "output": {
            "results": [{"index": 1, "relevance_score": 0.9, "document": {"text": "two words"}}]
        },
        "usage": {"total_tokens": 7},
        "request_id": "the-id",
    }


@pytest.mark.parametrize("documents", [["d"] * 501, ["一" * 6000]])
def test_dashscope_is_bounded(documents: list[str]) -> None:
    """More than 500 documents, or 4,000 tokens in one, are refused in DashScope's shape."""
    status, said = refusal(
        "dashscope", nested() | {"input": {"query": "q", "documents": documents}}
    )
    assert (status, said["code"], said["request_id"]) == (400, "InvalidParameter", "the-id")


@pytest.mark.parametrize("name", DIALECTS)
def test_no_dialect_repeats_what_was_sent(name: DialectName) -> None:
    """No dialect's refusal repeats a part of the body."""
    for body in ({"query": "private", "documents": [{"private": "private"}]}, {"model": 7}):
        status, said = refusal(name, body)
        assert status in {400, 422}
        assert "private" not in orjson.dumps(said).decode()


@pytest.mark.parametrize("name", DIALECTS)
def test_each_path_has_one_dialect(name: DialectName) -> None:
    """Dialects with their own path always answer there, the chosen dialect at its path."""
    by_path = {dialect.path: dialect for dialect in served(name)}
    assert {"/v1/rerank", "/v2/rerank", "/rerank", "/score"} < set(by_path)
    assert by_path[DIALECTS[name].path] is DIALECTS[name]
    assert len(by_path) == len(served(name)) == 5
