"""The estimate of tokens."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rerankq.cost import tokens


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", 0.0),
        ("  \n", 0.0),
        ("hello", tokens.WORD_TOKENS),
        ("hello world", 2 * tokens.WORD_TOKENS),
        ("2024", 4 * tokens.DIGIT_TOKENS),
        ("感冒", 2 * tokens.CJK_TOKENS),
        ("感冒。", 2 * tokens.CJK_TOKENS + tokens.PUNCTUATION_TOKENS),
        ("ok!", tokens.WORD_TOKENS + tokens.PUNCTUATION_TOKENS),
        ("感冒\uff0c发烧\u3000", 4 * tokens.CJK_TOKENS + tokens.PUNCTUATION_TOKENS),
        ("型号A7", 2 * tokens.CJK_TOKENS + tokens.WORD_TOKENS + tokens.DIGIT_TOKENS),
        ("snake_case", 2 * tokens.WORD_TOKENS),
        ("naïve привет", 2 * tokens.WORD_TOKENS),
        ("well—known “x”", 3 * tokens.WORD_TOKENS + 3 * tokens.PUNCTUATION_TOKENS),
        ("😀", tokens.PUNCTUATION_TOKENS),
    ],
)
def test_each_class_of_character_has_its_weight(text: str, expected: float) -> None:
    """A text costs what its words, digits, ideographs and punctuation cost."""
    assert tokens.estimate(text) == pytest.approx(expected)


def test_query_is_read_with_each_document() -> None:
    """The load of a call counts the query once a document, and each document once."""
    assert tokens.load("two words", ["one", "one two three"]) == 2 * 2 + 1 + 3


@given(st.text(max_size=50), st.text(max_size=50))
def test_longer_text_never_costs_less(text: str, more: str) -> None:
    """Adding text after a space never lowers the estimate."""
    assert tokens.estimate(f"{text} {more}") >= tokens.estimate(text)


@given(st.text(max_size=20), st.lists(st.text(max_size=20), max_size=5))
def test_load_is_a_count(query: str, documents: list[str]) -> None:
    """The load is a whole number and not negative."""
    load = tokens.load(query, documents)
    assert isinstance(load, int)
    assert load >= 0
