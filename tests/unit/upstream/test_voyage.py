"""Voyage AI, according to its API reference."""

import orjson

from rerankq.contract import RerankRequest
from rerankq_worker.upstream.dialects.voyage import Voyage

DIALECT = Voyage()
REQUEST = RerankRequest(query="Sample query", documents=("Sample document 1", "Sample document 2"))
ANSWER = b"""{
  "object": "list",
  "data": [
    {"relevance_score": 0.4375, "index": 0, "document": "Sample document 1"},
    {"relevance_score": 0.421875, "index": 1}
  ],
  "model": "rerank-2.5",
  "usage": {"total_tokens": 26}
}"""


def test_request_as_documented() -> None:
    """The number of results is called top_k."""
    assert orjson.loads(DIALECT.encode(REQUEST, "rerank-2.5")) == {
        "query": "Sample query",
        "documents": ["Sample document 1", "Sample document 2"],
        "model": "rerank-2.5",
        "top_k": 2,
    }


def test_answer_as_documented() -> None:
    """The rows are in data; a document may be a plain string, or missing."""
    answer = DIALECT.decode(orjson.loads(ANSWER), REQUEST, None)
    assert [(each.index, each.relevance_score) for each in answer.scores] == [
        (0, 0.4375),
        (1, 0.421875),
    ]
    assert (answer.prompt_tokens, answer.total_tokens) == (26, 26)
    assert answer.request_id is None
