"""Which texts are looked through for an echo, against looking through all of them."""
# ruff: noqa: RUF001  the texts are as people write them

import re
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rerankq_worker.provider.echoes import Least, echoes
from rerankq_worker.provider.folding import SIGNS, fold
from rerankq_worker.provider.suspects import TO_ASCII, suspects

LEAST = Least(stretch=20, whole=8)
written = st.text(
    st.sampled_from("abkAB7甲乙丙 _-，\u200c\\n&;éÉßſ\u212a\u0130\ufb01\u0345\ud83d"), max_size=30
)
PIECES = [
    "\\u7532",
    "\\\\n",
    "&amp;",
    "&#xe9;",
    "\\ud840\\udc00",
    "甲乙 丙_丁_甲，乙",
    "Straße",
    "a" * 9,
]
texts = st.lists(
    st.lists(written | st.sampled_from(PIECES), max_size=3).map("".join), min_size=1, max_size=3
)


def all_letters(words: str, private: list[str]) -> set[int]:
    return {at for start, end in echoes(words, private, LEAST) for at in range(start, end)}


@given(texts, written, written, st.data())
def test_no_echo_stands_in_a_text_that_is_passed_over(
    private: list[str], before: str, after: str, data: st.DataObject
) -> None:
    """What is found in the suspects is what is found in all texts, however they are written."""
    echo = data.draw(st.sampled_from(private))
    start = data.draw(st.integers(0, len(echo)))
    words = fold(before + echo[start : start + data.draw(st.integers(0, 30))] + after)
    every = all_letters(words, list(map(fold, private)))
    assert all_letters(words, suspects(words, private, LEAST.stretch)) == every


@pytest.mark.parametrize("mark", ["_", "，", " \u200c", "\\n", "&nbsp;", "\\u3002", "\ud83d"])
def test_marks_between_signs_hide_no_text(mark: str) -> None:
    """A text that has a mark after each sign is still one that its signs may repeat."""
    text = "预防感冒应勤洗手戴口罩多通风"
    assert suspects(f"no{text[3:11]}", [mark.join(text)], 28) == [text]


@pytest.mark.parametrize(
    "words",
    [
        "当前分组上游负载已饱和，请稍后再试",
        "Rate limit reached, try again later",
        "对于模型 qwen3 无",
    ],
)
@pytest.mark.parametrize(
    "text",
    [
        "预防感冒应勤洗手、戴口罩、多通风，关于模型没有好处。" * 9,
        "The rate of the fox — however quick — is limited. " * 9,
        "C:\\path\\to\\nothing of \\alpha &amp; \\omega " * 9,
        "Быстрая лиса прыгает через ленивую собаку. " * 9,
    ],
)
def test_a_long_text_that_is_not_repeated_is_not_even_folded(words: str, text: str) -> None:
    """A refusal in a vendor's own words costs no look at the letters of a request."""
    assert suspects(fold(words), [text, "a word"], 28) == ["aword"]


def test_all_that_folds_to_ascii_is_known() -> None:
    """What stands beyond ASCII and becomes letters of it is named, each character."""
    beyond = map(chr, range(128, sys.maxunicode + 1))
    known = "".join(
        each for each in beyond if any(c.isascii() and c.isalnum() for c in each.casefold())
    )
    assert known == TO_ASCII


def test_no_sign_has_a_case() -> None:
    """A sign folds to itself, and nothing else folds to one: it is looked for as it is."""
    folding = {each: each.casefold() for each in map(chr, range(sys.maxunicode + 1))}
    changed = "".join(each + folded for each, folded in folding.items() if each != folded)
    assert re.search(f"[{SIGNS}]", changed) is None
