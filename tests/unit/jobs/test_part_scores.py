"""The scores of a part as they are kept."""

from hypothesis import given
from hypothesis import strategies as st

from rerankq.contract import RerankRequest
from rerankq_worker.jobs.part_scores import known, packed, unpacked
from rerankq_worker.upstream.port import Answer, Score

PRIVATE = "a document that nobody may find in Redis"


def request(*documents: str) -> RerankRequest:
    return RerankRequest(query="q", documents=documents)


def answer(*scores: Score) -> Answer:
    return Answer(scores, 3, 4, "id", scale="logit")


def test_what_is_kept_comes_back() -> None:
    """A later attempt finds the scores of the same documents, wherever they stand in it."""
    asked = request(PRIVATE, "b")
    _, kept = packed("here", asked, answer(Score(1, 0.9, 2.2), Score(0, 0.5)))
    part = unpacked(kept)
    assert part
    assert part.answer == Answer((), 3, 4, None, scale="logit")
    later = request("c", "b", PRIVATE)
    assert known([part], "here", later) == {1: Score(1, 0.9, 2.2), 2: Score(2, 0.5)}


def test_scores_of_another_source_are_not_used() -> None:
    """Scores of another site, whose scale may differ, are not merged with those of this one."""
    part = unpacked(packed("there", request("a"), answer(Score(0, 0.5)))[1])
    assert part
    assert known([part], "here", request("a")) == {}


def test_no_text_is_kept() -> None:
    """What is kept holds no text of a document."""
    _, kept = packed("here", request(PRIVATE), answer(Score(0, 0.5)))
    assert b"document" not in kept


def test_the_name_is_that_of_the_documents() -> None:
    """The same call has the same name, so that it may be written twice; another one has another."""
    names = [
        packed(source, request(*documents), answer())[0]
        for source, documents in (("a", "xy"), ("a", "xy"), ("a", "xz"), ("b", "xy"))
    ]
    assert names[0] == names[1]
    assert len(set(names)) == 3


@given(st.binary(max_size=100), st.integers(0, 200))
def test_damage_is_ignored(noise: bytes, length: int) -> None:
    """Of a damaged value nothing is used, and it stops no job."""
    _, kept = packed("here", request("a", "b"), answer(Score(0, 0.5), Score(1, 0.1)))
    assert unpacked(noise) is None or noise.startswith(b"{")
    part = unpacked(kept[: min(length, len(kept) - 1)])
    assert part is None or len(part.scores) < 2
