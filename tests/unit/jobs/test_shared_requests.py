"""A shared call has each different pair once, and never more than a call may have."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rerankq.contract import RerankRequest
from rerankq_worker.jobs.sent_request import SentRequest
from rerankq_worker.jobs.shared_requests import CallRoom, SharedRequest, part_of
from rerankq_worker.upstream.call_limits import CallLimits
from rerankq_worker.upstream.dialects.vllm_score import VllmScore
from rerankq_worker.upstream.pairs import PairsRequest
from rerankq_worker.upstream.port import Answer, Score

LONG = "w " * 5_000


def asking(query: str, *documents: str) -> RerankRequest:
    return RerankRequest(query=query, documents=documents)


def room(limits: CallLimits, *, in_pairs: bool = True) -> CallRoom:
    return CallRoom(limits, in_pairs=in_pairs)


def test_a_pair_counts_once() -> None:
    """A document that a query has already takes no room; for another query it does."""
    call = room(CallLimits(documents=2))
    assert call.take(asking("q", "a", "b"))
    assert call.take(asking("q", "b", "a"))
    assert not call.take(asking("r", "a"))


@pytest.mark.parametrize(
    "limits", [CallLimits(documents=2), CallLimits(tokens=15_000), CallLimits(bytes=21_000)]
)
def test_what_does_not_fit_is_left(limits: CallLimits) -> None:
    """A job that is too much takes no room, so that a smaller one still has it."""
    call = room(limits)
    assert call.take(asking("q", LONG))
    assert not call.take(asking(LONG, "a", "b"))
    assert call.take(asking("r", "c"))


def test_a_query_counts_with_each_document_of_pairs_only() -> None:
    """In a call of one query it is sent once, so that only tokens count it with each document."""
    assert room(CallLimits(bytes=11_000), in_pairs=False).take(asking(LONG, "a", "b"))
    assert not room(CallLimits(bytes=21_000)).take(asking(LONG, "a", "b"))
    assert not room(CallLimits(tokens=9_000), in_pairs=False).take(asking(LONG, "a", "b"))


jobs = st.lists(
    st.tuples(st.sampled_from("qrs"), st.lists(st.sampled_from("abcdé\n"), min_size=1, max_size=5)),
    min_size=1,
    max_size=6,
)


@given(jobs)
def test_each_job_gets_the_scores_of_its_own_pairs(asked: list[tuple[str, list[str]]]) -> None:
    """Whatever jobs share a call, each has the ranking that a call of its own would have."""
    sent = [SentRequest(asking(query, *("x" + text for text in texts))) for query, texts in asked]
    shared = SharedRequest.of(sent)
    texts = shared.request.texts()
    one = [shared.request.query] * len(texts)
    queries = shared.request.queries if isinstance(shared.request, PairsRequest) else one
    pairs = list(zip(queries, texts, strict=True))
    assert len(set(pairs)) == len(pairs)
    scores = [Score(index, float(hash(pair) % 1000)) for index, pair in enumerate(pairs)]
    answer = Answer(scores, 100, 100, "id")
    tokens = 0
    for each, places in zip(sent, shared.places, strict=True):
        own = part_of(answer, places, sum(map(len, shared.places)))
        tokens += own.total_tokens
        assert {score.index: score.relevance_score for score in own.scores} == {
            index: float(hash((each.request.query, text)) % 1000)
            for index, text in enumerate(each.request.texts())
        }
    # All shares together are those of the call, but for rounding.
    assert abs(tokens - 100) <= len(sent)


@given(jobs, st.integers(600, 900))
def test_a_call_is_never_longer_than_it_may_be(
    asked: list[tuple[str, list[str]]], most: int
) -> None:
    """The JSON of what has been taken is within the limit of bytes."""
    call, taken = room(CallLimits(bytes=most)), list[SentRequest]()
    for query, texts in asked:
        request = asking(query * 20, *("x" + text for text in texts))
        if call.take(request):
            taken.append(SentRequest(request))
    if taken:
        body = VllmScore().encode(SharedRequest.of(taken).request, "m")
        assert len(body) <= most
