"""Jina, according to its API reference."""

import orjson

from rerankq.contract import RerankRequest
from rerankq_worker.upstream.dialects.jina import Jina

DIALECT = Jina()
REQUEST = RerankRequest(
    query="Organic skincare products for sensitive skin",
    documents=(
        "Organic skincare for sensitive skin with aloe vera and chamomile.",
        "New makeup trends focus on bold colors and innovative techniques.",
    ),
    top_n=1,
)


def test_request_as_documented() -> None:
    """The body says that no documents are wanted, because the default returns them."""
    assert orjson.loads(DIALECT.encode(REQUEST, "jina-reranker-v3")) == {
        "model": "jina-reranker-v3",
        "query": REQUEST.query,
        "documents": REQUEST.texts(),
        "top_n": 1,
        "return_documents": False,
    }


def test_answer_as_documented() -> None:
    """The usage is only a total, which counts as the prompt's tokens too."""
    body = {
        "model": "jina-reranker-v3",
        "usage": {"total_tokens": 815},
        "results": [{"index": 0, "relevance_score": 0.878}],
    }
    answer = DIALECT.decode(body, REQUEST, "id-1")
    assert [(each.index, each.relevance_score) for each in answer.scores] == [(0, 0.878)]
    assert (answer.prompt_tokens, answer.total_tokens, answer.request_id) == (815, 815, "id-1")
