"""Cohere v2, according to its API reference."""

import orjson

from rerankq.contract import RerankRequest
from rerankq_worker.upstream.dialects.cohere import Cohere

DIALECT = Cohere()
REQUEST = RerankRequest(
    query="What is the capital of the United States?",
    documents=(
        "Carson City is the capital city of the American state of Nevada.",
        "The Commonwealth of the Northern Mariana Islands is a group of islands.",
        "Capitalization or capitalisation in English grammar is the use of a capital letter.",
        "Washington, D.C. is the capital of the United States.",
        "Capital punishment has existed in the United States since before it was a country.",
    ),
    top_n=3,
)
ANSWER = b"""{
  "results": [
    {"index": 3, "relevance_score": 0.999071},
    {"index": 4, "relevance_score": 0.7867867},
    {"index": 0, "relevance_score": 0.32713068}
  ],
  "id": "07734bd2-2473-4f07-94e1-0d9f0e6843cf",
  "meta": {
    "api_version": {"version": "2", "is_experimental": false},
    "billed_units": {"search_units": 1}
  }
}"""


def test_request_as_documented() -> None:
    """The body has model, query, documents and top_n, and nothing that v2 does not know."""
    assert orjson.loads(DIALECT.encode(REQUEST, "rerank-v3.5")) == {
        "model": "rerank-v3.5",
        "query": REQUEST.query,
        "documents": REQUEST.texts(),
        "top_n": 3,
    }


def test_the_length_of_documents_can_be_set() -> None:
    """If the site sets the most tokens of a document, they are sent."""
    own = Cohere(max_tokens_per_doc=8192)
    assert orjson.loads(own.encode(REQUEST, "m"))["max_tokens_per_doc"] == 8192


def test_answer_as_documented() -> None:
    """Scores come without documents; the body has the request id; searches are billed."""
    answer = DIALECT.decode(orjson.loads(ANSWER), REQUEST, None)
    assert [(each.index, each.relevance_score) for each in answer.scores] == [
        (3, 0.999071),
        (4, 0.7867867),
        (0, 0.32713068),
    ]
    assert answer.request_id == "07734bd2-2473-4f07-94e1-0d9f0e6843cf"
    assert (answer.prompt_tokens, answer.total_tokens) == (0, 0)


def test_tokens_are_read_where_they_are_sent() -> None:
    """If `meta.tokens` is sent, it is the usage."""
    body = orjson.loads(ANSWER)
    body["meta"]["tokens"] = {"input_tokens": 411, "output_tokens": 0}
    answer = DIALECT.decode(body, REQUEST, "from-the-header")
    assert (answer.prompt_tokens, answer.total_tokens) == (411, 411)
    assert answer.request_id == "from-the-header"
