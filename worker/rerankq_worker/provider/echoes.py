"""Where words repeat a text, in whole or in part. Both are folded (see `folding`)."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from rerankq_worker.provider.folding import weight, weights

Span = tuple[int, int]

_MOST_SEARCHES: Final = 300
"""A vendor's sentence takes a dozen, ten lines of a form with other numbers in them these."""


@dataclass(frozen=True, slots=True)
class Least:
    """How much has to be repeated to count, by `folding.weight`.

    Attributes:
        stretch: of a text, at any place in it.
        whole: of a text that is repeated from its beginning to its end.
    """

    stretch: int
    whole: int


def echoes(words: str, texts: Sequence[str], least: Least) -> Iterator[Span]:
    """The parts of the words that repeat one of the texts; they may overlap."""
    long = []
    for text in texts:
        if len(text) >= least.stretch or (weighed := weight(text)) >= least.stretch:
            long.append(text)
        elif weighed >= least.whole:
            yield from _places(words, text)
    # A line break stands in no folded text, so that no stretch goes from one into the next.
    yield from _stretches(words, "\n".join(long), least.stretch)


def pieces(folded: str, stretch: int) -> Iterator[str]:
    """Parts of which every stretch of so much weight holds a whole one, whatever it begins with."""
    # Two that each lack their lightest letter still weigh less than the stretch.
    most = stretch // 2 + 1
    start = weighed = 0
    for end, each in enumerate(weights(folded)):
        if weighed + each > most:
            yield folded[start:end]
            start, weighed = end, 0
        weighed += each
    # Of less at the end none tells: no stretch ends there that begins after the piece before.
    if weighed == most:
        yield folded[start:]


def _places(words: str, text: str) -> Iterator[Span]:
    at = words.find(text)
    while at >= 0:
        yield at, at + len(text)
        at = words.find(text, at + 1)


def _stretches(words: str, text: str, least: int) -> Iterator[Span]:
    """The stretches of so much weight, each as long as it goes.

    A window of the least weight is moved over the words. Where the text does not even hold its
    second half, no window with that half fits: the next one begins inside of it. So words that
    repeat nothing cost few searches, and those that do as many as they hold stretches. Words made
    to cost many are heard no further: what is left of them counts as repeated.
    """
    sums = list(accumulate(weights(words), initial=0))
    held = _Held(words, text)
    at = 0
    while (end := bisect_left(sums, sums[at] + least)) < len(sums):
        if held.searches > _MOST_SEARCHES:
            yield at, len(words)
            return
        half = bisect_right(sums, sums[end] - least // 2) - 1
        if not held(half, end):
            at = half + 1
        elif not held(at, end):
            at = held.first(at + 1, half, end)
        else:
            end = held.last(at, end)
            yield at, end
            if end == len(words):
                return
            # Its end may lie in the midst of another one, which then holds the next letter.
            at = max(at + 1, bisect_right(sums, sums[end + 1] - least) - 1)


class _Held:
    """Which parts of the words a text holds; counts how often it was searched."""

    def __init__(self, words: str, text: str) -> None:
        self._words = words
        self._text = text
        self.searches = 0

    def __call__(self, start: int, end: int) -> bool:
        self.searches += 1
        return self._words[start:end] in self._text

    def first(self, start: int, half: int, end: int) -> int:
        """Where the longest part that ends here begins, which is before `half`, or there."""
        return start + bisect_left(range(start, half), 1, key=lambda at: self(at, end))

    def last(self, start: int, end: int) -> int:
        """How far the words go on as the text does, which they do until `end` at least."""
        beyond = range(end + 1, len(self._words) + 1)
        return end + bisect_left(beyond, 1, key=lambda at: not self(start, at))
