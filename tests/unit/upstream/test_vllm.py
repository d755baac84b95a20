"""vLLM, according to the example in its documentation."""

import orjson
import pytest

from rerankq.contract import RerankRequest
from rerankq_worker.upstream.dialects.vllm import Vllm

DIALECT = Vllm()
REQUEST = RerankRequest(
    query="What is the capital of France?",
    documents=(
        "The capital of Brazil is Brasilia.",
        "The capital of France is Paris.",
        "Horses and cows are both animals",
    ),
    top_n=2,
)
ANSWER = b"""{
  "id": "rerank-fae51b2b664d4ed38f5969b612edff77",
  "model": "BAAI/bge-reranker-base",
  "usage": {"total_tokens": 56},
  "results": [
    {"index": 1, "document": {"text": "The capital of France is Paris."},
     "relevance_score": 0.99853515625},
    {"index": 0, "document": {"text": "The capital of Brazil is Brasilia."},
     "relevance_score": 0.0005860328674316406}
  ]
}"""


def test_request_as_documented() -> None:
    """The body asks for no truncation: a text that is too long must fail, not be cut silently."""
    assert orjson.loads(DIALECT.encode(REQUEST, "BAAI/bge-reranker-base")) == {
        "model": "BAAI/bge-reranker-base",
        "query": "What is the capital of France?",
        "documents": REQUEST.texts(),
        "top_n": 2,
    }


@pytest.mark.parametrize("tokens", [-1, 8192])
def test_truncation_can_be_asked_for(tokens: int) -> None:
    """If the site sets a number of tokens, longer texts are cut off there."""
    own = Vllm(truncate_prompt_tokens=tokens)
    assert orjson.loads(own.encode(REQUEST, "m"))["truncate_prompt_tokens"] == tokens


@pytest.mark.parametrize(
    ("usage", "tokens"),
    [
        ({"total_tokens": 56}, (56, 56)),
        ({"prompt_tokens": 50, "total_tokens": 56}, (50, 56)),
        ({}, (0, 0)),
    ],
)
def test_answer_as_documented(usage: dict[str, int], tokens: tuple[int, int]) -> None:
    """Older versions give only the total, newer ones the prompt's tokens too."""
    body = orjson.loads(ANSWER) | {"usage": usage}
    answer = DIALECT.decode(body, REQUEST, None)
    assert [(each.index, each.relevance_score) for each in answer.scores] == [
        (1, 0.99853515625),
        (0, 0.0005860328674316406),
    ]
    assert (answer.prompt_tokens, answer.total_tokens) == tokens
    assert answer.request_id == "rerank-fae51b2b664d4ed38f5969b612edff77"
