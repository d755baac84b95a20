"""How a large job is divided."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rerankq.contract import RerankRequest
from rerankq_worker.jobs.parts import DocumentTooLargeError, Part, divided
from rerankq_worker.upstream.call_limits import NO_LIMITS, CallLimits

texts = st.text(min_size=1, max_size=400).filter(lambda text: not text.isspace())


def request(*documents: str) -> RerankRequest:
    return RerankRequest(query="a query", documents=documents, top_n=1)


@given(
    documents=st.lists(texts, min_size=1, max_size=30, unique=True),
    most=st.none() | st.integers(1, 12),
    tokens=st.none() | st.integers(1500, 3000),
    length=st.none() | st.integers(4096, 6000),
)
def test_each_part_is_within_the_limits(
    documents: list[str], most: int | None, tokens: int | None, length: int | None
) -> None:
    """Each document is in one part, in the order of the job, and each part is within all limits."""
    whole, limits = request(*documents), CallLimits(most, tokens, length)
    parts = divided(whole, limits)
    assert [index for part in parts for index in part.indexes] == list(range(len(documents)))
    assert all(limits.hold(part.of(whole)) for part in parts)


def test_parts_are_about_equal() -> None:
    """1,001 documents with a limit of 1,000 are two parts of about 500."""
    parts = divided(request(*map(str, range(1001))), CallLimits(documents=1000))
    assert [len(part.indexes) for part in parts] == [501, 500]


def test_only_what_is_asked_for_is_divided() -> None:
    """Documents whose scores are known are in no part."""
    assert divided(request("a", "b", "c"), CallLimits(documents=1), [0, 2]) == [
        Part((0,)),
        Part((2,)),
    ]
    assert divided(request("a"), NO_LIMITS, []) == []


@pytest.mark.parametrize("limits", [CallLimits(bytes=4096), CallLimits(tokens=100)])
def test_a_document_over_a_limit_is_named(limits: CallLimits) -> None:
    """A document that no call can have is named by its index, with the limit."""
    with pytest.raises(DocumentTooLargeError) as caught:
        divided(request("short", "long " * 2000), limits)
    assert caught.value.index == 1
    assert "of a call" in caught.value.limit


def test_a_part_asks_for_all_scores() -> None:
    """A part's call has no `top_n`: which documents are the best is known after the merge."""
    assert Part((1,)).of(request("a", "b")).top_n is None


def test_halves() -> None:
    """A part is halved to single documents, which stay as they are."""
    assert Part((4, 5, 6)).halves() == (Part((4, 5)), Part((6,)))
    assert Part((7,)).halves() == (Part((7,)),)
