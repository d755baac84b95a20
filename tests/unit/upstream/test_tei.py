"""Text Embeddings Inference, according to its README and OpenAPI."""

import orjson
import pytest

from rerankq.contract import RerankRequest
from rerankq_worker.upstream.dialects.tei import MOST_BYTES, Tei
from rerankq_worker.upstream.errors import TooLarge

DIALECT = Tei()
REQUEST = RerankRequest(
    query="What is Deep Learning?",
    documents=("Deep Learning is not...", "Deep learning is..."),
    top_n=1,
)


def test_request_as_documented() -> None:
    """The body has query and texts, and no model; the server answers with all texts."""
    assert orjson.loads(DIALECT.encode(REQUEST, "whatever")) == {
        "query": "What is Deep Learning?",
        "texts": ["Deep Learning is not...", "Deep learning is..."],
    }


def test_answer_as_documented() -> None:
    """The answer is a bare array of index and score, with the text if it was asked for."""
    body = b'[{"index":1,"score":0.9976,"text":"Deep learning is..."},{"index":0,"score":0.0125}]'
    answer = DIALECT.decode(orjson.loads(body), REQUEST, "id-1")
    assert [(each.index, each.relevance_score) for each in answer.scores] == [
        (1, 0.9976),
        (0, 0.0125),
    ]
    assert (answer.prompt_tokens, answer.total_tokens, answer.request_id) == (0, 0, "id-1")


def test_bytes_have_a_limit_too() -> None:
    """A body over the server's payload limit is refused without a call."""
    request = RerankRequest(query="q", documents=("d" * 100_000,) * 21)
    with pytest.raises(TooLarge, match=rf"bytes are over the {MOST_BYTES:,} that TEI takes"):
        DIALECT.check(request, "m")


def test_a_server_may_have_other_limits() -> None:
    """The limits of a server can be set, if it was started with other limits."""
    own = Tei(max_client_batch_size=1000, payload_limit=10_000_000)
    own.check(RerankRequest(query="q", documents=("d" * 100_000,) * 33), "m")
