"""How long texts are cut: into parts that fit, at borders, with overlap, nothing left out."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rerankq.cost.counters import CharactersEach, Estimate, ExactQwen3, TokenCounter
from rerankq.cost.passages import Passage, beginning, passages

COUNTERS: list[TokenCounter] = [ExactQwen3(), Estimate(), CharactersEach(3.5)]
TEXTS = st.text(alphabet="ab c.。\n汉字😀", min_size=1, max_size=400)
each_counter = pytest.mark.parametrize("counter", COUNTERS, ids=lambda each: each.name)


@each_counter
@given(text=TEXTS, most=st.integers(4, 50), overlap=st.sampled_from([0.0, 0.1, 0.4]))
def test_every_character_is_in_a_passage_that_fits(
    counter: TokenCounter, text: str, most: int, overlap: float
) -> None:
    """Passages follow one another without a gap, go forward, and none has too many tokens."""
    found = list(passages(text, most, counter, overlap=overlap, most=1000))
    assert found[0].start == 0
    assert found[-1].end == len(text)
    for one, other in pairwise(found):
        assert one.start < other.start <= one.end < other.end
    for each in found:
        assert counter.count([text[each.start : each.end]])[0] <= most


@each_counter
@given(text=TEXTS, most=st.integers(4, 50))
def test_the_beginning_fits(counter: TokenCounter, text: str, most: int) -> None:
    """It is never empty, and has no more tokens than fit."""
    start, end = beginning(text, most, counter)
    assert start == 0
    assert 1 <= end <= len(text)
    assert counter.count([text[:end]])[0] <= most


def test_a_passage_ends_with_a_sentence() -> None:
    """Where no sentence ends near, it ends with a word; where no word does, anywhere."""
    counter = CharactersEach(1.0)
    assert beginning("one two three four", 15, counter) == Passage(0, 14)
    assert beginning("onetwothree", 9, counter) == Passage(0, 9)
    text = "A first sentence. A second one follows. The end"
    found = [text[start:end] for start, end in passages(text, 22, counter, overlap=0.0, most=9)]
    assert found == ["A first sentence. A ", "second one follows. ", "The end"] or found[
        0
    ].endswith(". A ")


def test_passages_overlap() -> None:
    """The next one begins within the last, with a word."""
    counter = CharactersEach(1.0)
    text = "alpha beta gamma delta epsilon zeta eta theta"
    found = [text[start:end] for start, end in passages(text, 18, counter, overlap=0.4, most=9)]
    assert found[0] == "alpha beta gamma "
    assert found[1].startswith("gamma ")


def test_there_are_so_many_at_most() -> None:
    """What follows the last is in none."""
    found = list(passages("word " * 100, 10, CharactersEach(1.0), overlap=0.0, most=3))
    assert found == [Passage(0, 10), Passage(10, 20), Passage(20, 30)]
