"""Documents beyond a model's context: found before the call, and refused, truncated or split."""

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rerankq.contract import LongDocuments, PassageOf, RerankRequest
from rerankq.cost.counters import CharactersEach, Estimate, ExactQwen3, TokenCounter
from rerankq_worker.jobs.long_documents import TEMPLATE_TOKENS, CutRequest, LongDocumentCutter
from rerankq_worker.jobs.sent_request import SentRequest
from rerankq_worker.upstream.context import Context
from rerankq_worker.upstream.errors import TooLarge
from rerankq_worker.upstream.port import Score, best_first

ROOM = 100
"""Tokens for a document beside the query, which is `q`."""
TOKENS = ROOM + TEMPLATE_TOKENS + 1
SHORT, LONG = "short", "a sentence of words. " * 40


def request(*documents: str, **fields: Any) -> RerankRequest:
    return RerankRequest(query="q", documents=documents, **fields)


def cut(
    asked: RerankRequest,
    *,
    counter: TokenCounter | None = None,
    tokens: int = TOKENS,
    default: LongDocuments = LongDocuments.ERROR,
    most_passages: int = 16,
) -> CutRequest | None:
    context = Context(tokens, counter or ExactQwen3())
    cutter = LongDocumentCutter(lambda _: context, default=default, most_passages=most_passages)
    return asyncio.run(cutter.cut(asked))


def test_a_job_fails_and_its_error_names_the_documents() -> None:
    """The message has their indices and tokens, and none of their text."""
    with pytest.raises(TooLarge) as caught:
        cut(request(SHORT, LONG, SHORT, LONG + LONG))
    assert str(caught.value) == (
        "documents 1 (201 tokens), 3 (401 tokens) are longer than the 100 tokens that "
        "qwen3-reranker-8b reads beside this query; shorten what is too long, or set "
        "long_documents of the job, or RERANKQ_LONG_DOCUMENTS, to truncate or split"
    )
    with pytest.raises(TooLarge, match=r"9 \(201 tokens\) and 5 more are longer"):
        cut(request(*[LONG] * 15))


def test_what_is_short_enough_is_left_alone() -> None:
    """Also where only a count shows it; and models whose context is not known."""
    assert cut(request(SHORT, "word " * 60)) is None
    unknown = LongDocumentCutter(lambda _: None)
    assert asyncio.run(unknown.cut(request(LONG * 100))) is None


def test_a_query_without_room_is_named() -> None:
    """No document could be read beside it."""
    with pytest.raises(TooLarge, match="the query and instruction have 401 tokens and leave no"):
        cut(RerankRequest(query="word " * 400, documents=("a",)))


def test_the_beginning_is_read() -> None:
    """A truncated document has one score, under its own index; the result tells what was read."""
    made = cut(request(SHORT, LONG), default=LongDocuments.TRUNCATE)
    assert made
    sent = SentRequest(request(SHORT, LONG), made)
    short, read = sent.request.texts()
    assert short == SHORT
    assert LONG.startswith(read)
    assert 80 <= ExactQwen3().count([read])[0] <= ROOM
    scores = [Score(1, 0.9), Score(0, 0.1)]
    assert sent.scores(scores) == scores
    assert sent.passages(scores) == {}
    (told,) = sent.long_documents
    assert (told.index, told.action, told.tokens) == (1, "truncate", 201)
    assert (told.passages, told.read_characters) == (1, len(read))


def test_the_best_passage_is_the_documents_score() -> None:
    """All scores are asked for; the row of a split document names its best passage."""
    asked = request(LONG, SHORT, top_n=1, long_documents="split")
    made = cut(asked)
    assert made
    sent = SentRequest(asked, made)
    texts = sent.request.texts()
    assert sent.request.wanted == len(texts) == 4
    assert all(ExactQwen3().count([text])[0] <= ROOM for text in texts)
    scores = [Score(2, 0.8, 1.4), Score(3, 0.7, 0.8), Score(0, 0.6, 0.4), Score(1, 0.1, -2.2)]
    assert sent.scores(scores) == [Score(0, 0.8, 1.4), Score(1, 0.7, 0.8)]
    best = sent.passages(scores)[0]
    assert LONG[best.start : best.end] == texts[2]
    assert best.number == 3
    (told,) = sent.long_documents
    assert (told.index, told.passages, told.read_characters) == (0, 3, len(LONG))


def test_passages_have_a_most() -> None:
    """What follows the last is not read, and the result tells how far it was."""
    made = cut(request(LONG * 10), default=LongDocuments.SPLIT, most_passages=2)
    assert made
    assert len(made.request.documents) == 2
    assert made.told[0].read_characters < len(LONG) * 2


def test_the_job_decides_before_the_worker() -> None:
    """`long_documents` of a job goes before the setting."""
    assert cut(request(LONG, long_documents="truncate"))
    with pytest.raises(TooLarge):
        cut(request(LONG, long_documents="error"), default=LongDocuments.SPLIT)


def test_an_estimate_refuses_only_what_is_certainly_too_long() -> None:
    """It may be wrong by a quarter: and what it cuts certainly fits."""
    counter = Estimate()
    doubtful = "word " * 110
    assert cut(request(doubtful), counter=counter) is None
    with pytest.raises(TooLarge, match=r"document 0 \(about 150 tokens\) is longer"):
        cut(request("word " * 150), counter=counter)
    made = cut(request(doubtful, long_documents="truncate"), counter=counter)
    assert made
    assert counter.count(made.request.texts())[0] <= ROOM / 1.25


@given(
    documents=st.lists(st.text("ab .", min_size=1, max_size=90).map("x".__add__), max_size=6),
    scores=st.lists(st.floats(0, 1), min_size=30, max_size=30),
)
def test_each_document_has_the_best_score_of_its_passages(
    documents: list[str], scores: list[float]
) -> None:
    """Whatever is cut, and whatever repeats: all documents are in the ranking, best first."""
    asked = request("y", *documents, long_documents="split")
    made = cut(asked, counter=CharactersEach(1.0), tokens=TEMPLATE_TOKENS + 41)
    sent = SentRequest(asked, made)
    by_text = dict(zip(sent.request.texts(), scores, strict=False))
    given_rows = [Score(index, by_text[text]) for index, text in enumerate(sent.request.texts())]
    rows = sent.scores(sorted(given_rows, key=best_first))
    best: dict[int, float] = {}
    for text, (index, _) in _passages(asked, made):
        best[index] = max(best.get(index, 0.0), by_text[text])
    assert rows == sorted((Score(*each) for each in best.items()), key=best_first)


def _passages(
    asked: RerankRequest, made: CutRequest | None
) -> list[tuple[str, tuple[int, PassageOf | None]]]:
    """Each text that is ranked, with the index of the job's document of which it is."""
    if made is None:
        return [(text, (index, None)) for index, text in enumerate(asked.texts())]
    return list(zip(made.request.texts(), made.parts, strict=True))
