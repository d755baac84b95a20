"""How much of a text has so many tokens."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rerankq.cost.counters import CharactersEach, Estimate, ExactQwen3, TokenCounter

COUNTERS = [ExactQwen3(), Estimate(), CharactersEach(3.5), CharactersEach(0.5)]

# Several scripts, characters that have several tokens, and such that NFC changes.
texts = st.text(
    st.one_of(
        st.sampled_from("ab yz.\n 01感冒发烧。\uff0cé😀𒐫\u0958\U0001d160e\u0301가"), st.characters()
    ),
    max_size=60,
)


def counted(counter: TokenCounter, text: str) -> int:
    """Tokens of one text."""
    return counter.count([text])[0]


@pytest.mark.parametrize("counter", COUNTERS, ids=lambda counter: counter.name)
@given(text=texts)
def test_no_text_has_more_tokens_than_the_bound(counter: TokenCounter, text: str) -> None:
    """The bound by characters holds for every text, also for characters of several tokens."""
    normal = unicodedata.normalize("NFC", text)
    assert counted(counter, text) <= counter.most(len(normal))


def test_a_character_can_have_several_tokens() -> None:
    """The bound is not a token a character: NFC makes three of the second one."""
    assert [counted(ExactQwen3(), each) for each in ("𒐫", "\U0001d160")] == [3, 6]


@pytest.mark.parametrize("counter", COUNTERS, ids=lambda counter: counter.name)
@given(text=texts, most=st.integers(0, 40))
def test_what_fits_has_at_most_so_many_tokens(counter: TokenCounter, text: str, most: int) -> None:
    """The part that fits has at most the tokens asked for; it is the whole text if that fits."""
    end = counter.fit(text, most)
    assert 0 <= end <= len(text)
    assert counted(counter, text[:end]) <= most
    if counted(counter, text) <= most:
        assert end == len(text)


@given(text=texts, most=st.integers(10, 40))
def test_little_room_is_wasted(text: str, most: int) -> None:
    """What fits of Qwen3's tokens is not much less than asked for."""
    counter = ExactQwen3()
    end = counter.fit(text, most)
    if end < len(text):
        assert counted(counter, text[:end]) >= most - 9


def test_text_that_is_not_normalised_is_cut_in_its_own_characters() -> None:
    """A server normalises a text; the place of the cut is that of the text as it was submitted."""
    text = unicodedata.normalize("NFD", "é" * 100)
    end = ExactQwen3().fit(text, 20)
    assert end % 2 == 0
    assert 15 <= counted(ExactQwen3(), text[:end]) <= 20
