"""SiliconFlow, according to its API reference: the Chinese site and the international one."""

import orjson
import pytest

from rerankq.contract import RerankRequest
from rerankq_worker.upstream.dialects.siliconflow import Siliconflow

DIALECT = Siliconflow()
REQUEST = RerankRequest(
    query="Apple",
    documents=("apple", "banana", "fruit", "vegetable"),
    instruction="Please rerank the documents based on the query.",
)
ROWS = (
    b'[{"index":0,"relevance_score":0.9983834,"document":{"text":"apple"}},'
    b'{"index":2,"relevance_score":0.75},{"index":1,"relevance_score":0.5,"document":null},'
    b'{"index":3,"relevance_score":0.25,"document":{"text":"vegetable"}}]'
)
CHINESE = (
    b'{"id":"0195c4bc8788725da3006f0779171780","results":' + ROWS + b","
    b'"meta":{"billed_units":{"input_tokens":896,"output_tokens":0,"search_units":0,'
    b'"classifications":0},"tokens":{"input_tokens":896,"output_tokens":0}}}'
)
INTERNATIONAL = (
    b'{"id":"0195c4bc8788725da3006f0779171780","results":' + ROWS + b","
    b'"tokens":{"input_tokens":896,"output_tokens":4}}'
)


def test_request_as_documented() -> None:
    """The instruction is sent to every Qwen3 reranker, of any size and prefix."""
    assert orjson.loads(DIALECT.encode(REQUEST, "Qwen/Qwen3-Reranker-8B")) == {
        "model": "Qwen/Qwen3-Reranker-8B",
        "query": "Apple",
        "documents": ["apple", "banana", "fruit", "vegetable"],
        "instruction": "Please rerank the documents based on the query.",
        "top_n": 4,
    }


def test_request_without_an_instruction() -> None:
    """Without an instruction, the field is not sent."""
    plain = REQUEST.model_copy(update={"instruction": None})
    assert b"instruction" not in DIALECT.encode(plain, "BAAI/bge-reranker-v2-m3")


@pytest.mark.parametrize(("body", "total"), [(CHINESE, 896), (INTERNATIONAL, 900)])
def test_answer_as_documented(body: bytes, total: int) -> None:
    """Usage is in meta.tokens on the Chinese site, in tokens on the international one."""
    answer = DIALECT.decode(orjson.loads(body), REQUEST, None)
    assert [each.index for each in answer.scores] == [0, 2, 1, 3]
    assert (answer.prompt_tokens, answer.total_tokens) == (896, total)
    assert answer.request_id == "0195c4bc8788725da3006f0779171780"
