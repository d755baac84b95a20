"""A call of pairs asks for all their scores, and an answer may quote any of its texts."""

from rerankq.contract import RerankRequest
from rerankq_worker.provider.words import stand_in, texts_of
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
