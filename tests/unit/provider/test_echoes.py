"""Where words repeat a text, against looking at each stretch of them."""

from collections.abc import Iterable
from itertools import accumulate, pairwise

from hypothesis import example, given
from hypothesis import strategies as st

from rerankq_worker.provider.echoes import Least, Span, echoes, pieces
from rerankq_worker.provider.folding import fold, fold_placed, unescaped, weight

LEAST = Least(stretch=10, whole=6)
few_letters = st.text("ab甲", max_size=24)


def covered(spans: Iterable[Span]) -> set[int]:
    return {place for start, end in spans for place in range(start, end)}


def looked_up(words: str, texts: list[str]) -> set[int]:
    """Every stretch of the words, looked for in every text."""
    return covered(
        (start, end)
        for start in range(len(words))
        for end in range(start + 1, len(words) + 1)
        for text in texts
        if words[start:end] in text
        and (
            weight(words[start:end]) >= LEAST.stretch
            or (words[start:end] == text and weight(text) >= LEAST.whole)
        )
    )


@given(few_letters, st.lists(few_letters, max_size=3))
@example("aaaa", ["aaa"])
@example("b甲甲b", ["b甲甲", "甲甲b"])
def test_every_echo_is_found_and_nothing_else(words: str, texts: list[str]) -> None:
    """A part that repeats enough of a text, or all of a short one, is found to its last letter."""
    assert covered(echoes(words, texts, LEAST)) == looked_up(words, texts)


def test_words_made_to_cost_many_searches_are_not_heard_to_their_end() -> None:
    """Where all but a letter of each window stands in a text, what is left counts as repeated."""
    made = "".join(chr(ord("a") + at * at // 7 % 26) for at in range(800))
    text = "-".join(made[at : at + 31] for at in range(800))
    words = made + "thevendorsown"
    assert covered(echoes(words, [text], Least(stretch=64, whole=28))) >= set(range(400, 813))


@given(few_letters, st.integers(4, 30).map(lambda half: 2 * half))
def test_every_stretch_holds_a_piece(folded: str, stretch: int) -> None:
    """Whatever is long enough to be an echo holds one of the pieces that are looked for first."""
    found = list(pieces(folded, stretch))
    ends = list(accumulate(map(len, found), initial=0))
    assert folded.startswith("".join(found))
    assert all(
        any(start <= first and last <= end for first, last in pairwise(ends))
        for start in range(len(folded))
        for end in range(start, len(folded) + 1)
        if weight(folded[start:end]) >= stretch
    )


@given(st.text(max_size=50))
def test_each_folded_letter_has_its_place(text: str) -> None:
    """Folding with places gives what folding gives, and each letter stands at its place."""
    line = unescaped(text).replace("\\", "").replace("&", "")
    folded, places = fold_placed(line)
    assert folded == fold(line)
    assert places == sorted(places)
    assert all(
        letter in line[place].casefold() for letter, place in zip(folded, places, strict=True)
    )
