"""A call of pairs is as long as its pairs, and an answer may quote any of its texts."""

from rerankq.contract import RerankRequest
from rerankq_worker.provider.words import stand_in, texts_of
from rerankq_worker.upstream.call_limits import CallLimits
from rerankq_worker.upstream.pairs import PairsRequest

REQUEST = RerankRequest(model="m", query="first", documents=("d",), top_n=1)
PAIRS = PairsRequest.of(REQUEST, [("first", "a"), ("first", "b"), ("second", "a")])


def test_all_scores_are_asked_for() -> None:
    """Each pair has a place of its own, and what one job wants does not hold for the others."""
    assert (PAIRS.queries, PAIRS.texts()) == (("first", "first", "second"), ["a", "b", "a"])
    assert (PAIRS.model, PAIRS.wanted) == ("m", 3)


def test_quotations_are_found_in_each_query() -> None:
    """Words of any query that an answer repeats are known as the request's own."""
    assert all(stand_in(texts_of(PAIRS), word) for word in ("first", "second"))


def test_each_pair_counts_with_its_query() -> None:
    """A query is sent with each of its documents, so limits of bytes and tokens count it so."""
    long = "w " * 5_000
    pairs = PairsRequest.of(REQUEST, [(long, "a"), (long, "b"), ("q", "c")]).as_documents()
    assert CallLimits(documents=3, bytes=21_000).hold(pairs)
    assert not CallLimits(documents=2).hold(pairs)
    assert not CallLimits(bytes=20_000).hold(pairs)
    one = RerankRequest(query=long, documents=("a",))
    most = CallLimits(tokens=7_500)
    assert most.hold(one)
    assert not most.hold(pairs)
