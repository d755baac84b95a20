"""vLLM's scores of pairs, according to the examples in its documentation."""

import orjson

from rerankq.contract import RerankRequest
from rerankq_worker.upstream.dialects import DIALECTS
from rerankq_worker.upstream.dialects.vllm_score import VllmScore
from rerankq_worker.upstream.pairs import PairsRequest

DIALECT = VllmScore()
REQUEST = RerankRequest(
    query="What is the capital of France?",
    documents=("The capital of Brazil is Brasilia.", "The capital of France is Paris."),
    top_n=1,
)
ANSWER = b"""{
  "id": "score-request-id",
  "object": "list",
  "created": 693447,
  "model": "BAAI/bge-reranker-v2-m3",
  "data": [
    {"index": 0, "object": "score", "score": 0.001094818115234375},
    {"index": 1, "object": "score", "score": 1}
  ],
  "usage": {"prompt_tokens": 17, "total_tokens": 17, "completion_tokens": 0}
}"""


def test_request_as_documented() -> None:
    """The query is paired with each document; the server answers with all scores."""
    assert orjson.loads(DIALECT.encode(REQUEST, "BAAI/bge-reranker-v2-m3")) == {
        "model": "BAAI/bge-reranker-v2-m3",
        "text_1": "What is the capital of France?",
        "text_2": REQUEST.texts(),
    }


def test_each_document_may_have_its_own_query() -> None:
    """Two lists of equal length are scored pair by pair, with the options of the site."""
    own = VllmScore(truncate_prompt_tokens=512)
    pairs = PairsRequest.of(REQUEST, [("q", "a"), ("r", "b")])
    assert orjson.loads(own.encode(pairs, "m")) == {
        "model": "m",
        "text_1": ["q", "r"],
        "text_2": ["a", "b"],
        "truncate_prompt_tokens": 512,
    }


def test_only_this_dialect_has_pairs() -> None:
    """A dialect says whether its calls may have a query for each document."""
    assert [name for name, each in DIALECTS.items() if each.scores_pairs] == ["vllm-score"]


def test_answer_as_documented() -> None:
    """Scores in the order of the pairs become a ranking, best first."""
    answer = DIALECT.decode(orjson.loads(ANSWER), REQUEST, None)
    assert [(each.index, each.relevance_score) for each in answer.scores] == [
        (1, 1.0),
        (0, 0.001094818115234375),
    ]
    assert (answer.prompt_tokens, answer.total_tokens) == (17, 17)
    assert answer.request_id == "score-request-id"


def test_its_name_in_settings_is_in_messages() -> None:
    """A wrong option is refused with the dialect's name as it is set."""
    fault = VllmScore.options_fault({"max_tokens_per_doc": 5})
    assert fault == (
        "the dialect vllm-score has no option of that name: known are truncate_prompt_tokens"
    )
