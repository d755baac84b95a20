"""Cuts a long text into passages of so many tokens, or to its beginning.

A passage ends at the end of a sentence where one is near, else between words, so that its meaning
is not cut. Passages overlap, so that what stands at a border is whole in one of them.
"""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from rerankq.cost.counters import TokenCounter

_SENTENCE: Final = re.compile(r"(?:[.!?…](?=\s)|[。！？；\n])")  # noqa: RUF001  Chinese marks
_WORD: Final = re.compile(r"\s|[，、：）]")  # noqa: RUF001  Chinese marks
_CHARACTERS_EACH: Final = 8
"""More characters than most tokens have: so much text is looked at to find what fits."""
_LOOK_BACK: Final = 0.2
"""The share of a passage, from its end, in which a border is looked for."""


class Passage(NamedTuple):
    """A part of a text.

    Attributes:
        start: its first character.
        end: the character after its last.
    """

    start: int
    end: int


def beginning(text: str, most_tokens: int, counter: TokenCounter) -> Passage:
    """As much of the text as fits, cut between words.

    Args:
        text: longer than fits.
        most_tokens: how many tokens fit.
        counter: counts them.
    """
    return Passage(0, _border(text, 0, _fitting(text, 0, most_tokens, counter), (_WORD,)))


def passages(
    text: str, most_tokens: int, counter: TokenCounter, *, overlap: float, most: int
) -> Iterator[Passage]:
    """The passages of a text, in their order.

    Args:
        text: longer than fits.
        most_tokens: how many tokens a passage may have.
        counter: counts them.
        overlap: the share of a passage that the next one has too, below 0.5.
        most: how many passages there may be; what follows the last is in none.
    """
    start = 0
    for _ in range(most):
        end = _fitting(text, start, most_tokens, counter)
        if end < len(text):
            end = _border(text, start, end, (_SENTENCE, _WORD))
        yield Passage(start, end)
        if end == len(text):
            return
        start = _after_border(text, end - int((end - start) * overlap), end)


def _fitting(text: str, start: int, most_tokens: int, counter: TokenCounter) -> int:
    """The end of the longest part that fits; at least one character."""
    characters = max(1, most_tokens) * _CHARACTERS_EACH
    while True:
        window = text[start : start + characters]
        fitting = counter.fit(window, most_tokens)
        if fitting < len(window) or start + len(window) == len(text):
            return start + max(1, fitting)
        characters *= 2  # such as a long row of blanks, which is few tokens


def _border(text: str, start: int, end: int, marks: tuple["re.Pattern[str]", ...]) -> int:
    """The last border before `end` that is near; `end` itself if there is none."""
    earliest = end - int((end - start) * _LOOK_BACK)
    for mark in marks:
        found = [each.end() for each in mark.finditer(text, earliest, end)]
        if found:
            return found[-1]
    return end


def _after_border(text: str, start: int, end: int) -> int:
    """The first beginning of a sentence or word from `start` on, before `end`."""
    for mark in (_SENTENCE, _WORD):
        found = mark.search(text, start, end)
        if found and found.end() < end:
            return found.end()
    return start
