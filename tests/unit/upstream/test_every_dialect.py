"""What holds for every dialect: answers are checked, and no part of a request is dropped."""

import contextlib
import math
import unicodedata
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rerankq.contract import Document, RerankRequest
from rerankq_worker.upstream.dialects import DIALECTS, Dialect
from rerankq_worker.upstream.errors import Malformed, Refused, TooLarge
from rerankq_worker.upstream.port import Answer

REQUEST = RerankRequest(query="q", documents=("a", Document(id="x", text="b"), "c"))

Rows = list[tuple[Any, Any]]


def scored(field: str) -> Callable[[Rows], list[dict[str, Any]]]:
    return lambda rows: [{"index": index, field: score} for index, score in rows]


relevance = scored("relevance_score")

ANSWERS: dict[str, Callable[[Rows], Any]] = {
    "dmxapi": lambda rows: {"results": relevance(rows)},
    "jina": lambda rows: {"results": relevance(rows)},
    "cohere": lambda rows: {"results": relevance(rows)},
    "siliconflow": lambda rows: {"results": relevance(rows)},
    "voyage": lambda rows: {"data": relevance(rows)},
    "vllm": lambda rows: {"results": relevance(rows)},
    "vllm-score": lambda rows: {"data": scored("score")(rows)},
    "tei": scored("score"),
    "dashscope": lambda rows: {"output": {"results": relevance(rows)}},
}
"""A vendor's answer around rows of index and score."""

NAMES = (
    *("results", "data", "output", "index", "score", "relevance_score"),
    *("usage", "meta", "tokens", "id", "request_id"),
)
SENT = {"tei": ("query", "texts"), "vllm-score": ("text_1", "text_2")}
"""What the fields of query and documents are called, where not so."""
MOST_DOCUMENTS = {"voyage": 1_000, "dashscope": 500, "tei": 32}
TAKES_INSTRUCTION = {
    "dmxapi": "any",
    "siliconflow": "Qwen/Qwen3-Reranker-8B",
    "dashscope": "qwen3-rerank",
}

each_dialect = pytest.mark.parametrize("name", DIALECTS)


def dialect(name: str) -> Dialect:
    return DIALECTS[name]()


def decode(name: str, rows: Rows, request: RerankRequest = REQUEST) -> Answer:
    return dialect(name).decode(ANSWERS[name](rows), request, "id-1")


@each_dialect
def test_scores_come_best_first(name: str) -> None:
    """Scores come best first for any order of the rows; among equals the earlier document first."""
    answer = decode(name, [(1, 0.5), (2, 1), (0, 0.5)])
    found = [(each.index, each.relevance_score) for each in answer.scores]
    assert found == [(2, 1.0), (0, 0.5), (1, 0.5)]
    assert answer.request_id == "id-1"
    assert answer.pause_seconds is None


@each_dialect
@pytest.mark.parametrize(
    "rows",
    [
        [],
        [(2, 0.9), (0, 0.5)],
        [(2, 0.9), (0, 0.5), (2, 0.1)],
        [(2, 0.9), (0, 0.5), (3, 0.1)],
        [(2, 0.9), (0, 0.5), (-1, 0.1)],
        [(2, 0.9), (0, 0.5), ("1", 0.1)],
        [(2, 0.9), (0, 0.5), (True, 0.1)],
        [(2, 0.9), (0, 0.5), (None, 0.1)],
        [(2, 0.9), (0, 0.5), (1, math.nan)],
        [(2, 0.9), (0, 0.5), (1, math.inf)],
        [(2, 0.9), (0, 0.5), (1, None)],
        [(2, 0.9), (0, 0.5), (1, "0.1")],
        [(2, 0.9), (0, 0.5), (1, True)],
    ],
)
def test_rows_that_cannot_be_trusted_are_malformed(name: str, rows: Rows) -> None:
    """Too few rows, an index twice or out of range, a score that is no number: all malformed."""
    with pytest.raises(Malformed):
        decode(name, rows)


OWN = 'Wash your hands,\n  wear a "mask" & air the room. 预防感冒\uff0c\uff21\uff22\uff23 café'
FOREIGN = "Shares rose today."
AS_OWN = {
    "equal": OWN,
    "cut off": OWN[:20],
    "cut off, with dots": f"{OWN[:20]} ...",
    "stripped": " ".join(OWN.split()),
    "in small letters": OWN.lower(),
    "escaped": OWN.replace('"', '\\"').replace("&", "&amp;"),
    "in another form": unicodedata.normalize("NFKC", OWN),
    "with a broken end": f"{OWN[:-1]}\ufffd",
    "empty": "",
}


def with_documents(name: str, *documents: Any) -> Any:
    """An answer whose rows repeat documents, as each vendor does."""
    rows = ANSWERS[name]([(index, 0.5) for index in range(len(documents))])
    found = next(each for each in (rows, *_values(rows)) if isinstance(each, list))
    for row, document in zip(found, documents, strict=True):
        row["text" if name == "tei" else "document"] = document
    return rows


def _values(body: Any) -> list[Any]:
    inner = list(body.values()) if isinstance(body, dict) else []
    return [*inner, *(each for value in inner for each in _values(value))]


@each_dialect
@pytest.mark.parametrize("given_", AS_OWN.values(), ids=AS_OWN)
def test_a_document_that_is_the_jobs_own_is_taken(name: str, given_: str) -> None:
    """A document that a server cuts off, strips or encodes differently is still the job's own."""
    request = RerankRequest(query="q", documents=(FOREIGN, OWN))
    for document in (given_, {"text": given_}):
        body = with_documents(name, FOREIGN, document)
        assert len(dialect(name).decode(body, request, None).scores) == 2


@each_dialect
@pytest.mark.parametrize("document", [FOREIGN, OWN + "more", "W" + OWN[2:], OWN[9:]])
def test_a_foreign_document_is_malformed(name: str, document: str) -> None:
    """Rows with another document than the one at their index are malformed."""
    request = RerankRequest(query="q", documents=("x", OWN))
    for given_ in (document, {"text": document}):
        with pytest.raises(Malformed, match="another document"):
            dialect(name).decode(with_documents(name, "x", given_), request, None)


@each_dialect
@pytest.mark.parametrize("document", [None, 5, [], {}, {"text": None}, {"image": "x"}])
def test_a_missing_or_wrong_document_is_ignored(name: str, document: Any) -> None:
    """A row without a document, or with something else instead, is accepted by its score."""
    body = with_documents(name, document)
    assert dialect(name).decode(body, RerankRequest(query="q", documents=("x",)), None).scores


@each_dialect
@given(
    body=st.recursive(
        st.none() | st.booleans() | st.integers(-5, 5) | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.sampled_from(NAMES),
                inner,
            )
        ),
        max_leaves=12,
    )
)
def test_any_json_is_a_full_answer_or_malformed(name: str, body: Any) -> None:
    """Any JSON is a complete answer or Malformed, and raises no other error."""
    with contextlib.suppress(Malformed):
        answer = dialect(name).decode(body, REQUEST, None)
        assert sorted(each.index for each in answer.scores) == [0, 1, 2]
        assert answer.request_id is None or isinstance(answer.request_id, str)
        assert min(answer.prompt_tokens, answer.total_tokens) >= 0


@each_dialect
def test_the_texts_and_the_query_are_sent(name: str) -> None:
    """The body holds query and texts, in the order submitted, without the caller's own ids."""
    body = orjson.loads(dialect(name).encode(REQUEST, "qwen3-rerank"))
    place = body.get("input", body)
    query, documents = SENT.get(name, ("query", "documents"))
    assert place[query] == "q"
    assert place[documents] == ["a", "b", "c"]
    assert body.get("model", "qwen3-rerank") == "qwen3-rerank"
    assert b'"x"' not in dialect(name).encode(REQUEST, "qwen3-rerank")


@pytest.mark.parametrize(("name", "most"), MOST_DOCUMENTS.items())
def test_documented_limits_are_kept_before_the_call(name: str, most: int) -> None:
    """More documents than the vendor takes are refused without a call, with the limit named."""
    fits = RerankRequest(query="q", documents=("d",) * most)
    dialect(name).check(fits, "m")
    with pytest.raises(TooLarge, match=rf"^{most + 1:,} documents are over the {most:,} that"):
        dialect(name).check(RerankRequest(query="q", documents=("d",) * (most + 1)), "m")


@each_dialect
def test_an_instruction_is_sent_or_refused(name: str) -> None:
    """An instruction is sent to the model; a model that takes none refuses the job."""
    request = REQUEST.model_copy(update={"instruction": "rank for a nurse"})
    model = TAKES_INSTRUCTION.get(name)
    if model:
        dialect(name).check(request, model)
        assert b"rank for a nurse" in dialect(name).encode(request, model)
    if model != "any":
        with pytest.raises(Refused, match="takes no instruction; leave it out") as caught:
            dialect(name).check(request, "bge-reranker-v2-m3")
        assert "nurse" not in str(caught.value)
