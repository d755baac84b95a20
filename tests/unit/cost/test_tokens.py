"""The estimate of tokens."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rerankq.cost import tokens

ENGLISH = "The rule of 72: divide 72 by the yearly return, and you have the years. "
CHINESE = "预防感冒应勤洗手、戴口罩。水在100度的时候沸腾。"


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


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("languages", [[ENGLISH], [CHINESE], [ENGLISH, CHINESE]])
def test_a_sample_of_a_large_job_counts_like_the_whole(seed: int, languages: list[str]) -> None:
    """Of many characters a sample is counted: it differs from the whole by less than 5 %."""
    chance = random.Random(seed)  # noqa: S311  the same texts in every run
    documents = [
        chance.choice(languages)[chance.randrange(20) :] * chance.randint(1, 8) for _ in range(600)
    ]
    assert sum(map(len, documents)) > tokens.SAMPLED_CHARACTERS
    whole = tokens.estimate(" ".join(documents))
    assert tokens.load("", documents) == pytest.approx(whole, rel=0.05)


@pytest.mark.parametrize("language", [ENGLISH, CHINESE])
def test_a_job_just_over_the_limit_counts_like_one_just_under(language: str) -> None:
    """There is no jump where sampling begins."""
    text = (language * 2000)[: tokens.SAMPLED_CHARACTERS + 1]
    assert tokens.load("", [text]) == pytest.approx(tokens.load("", [text[:-1]]), rel=0.01)
