"""A vendor's words: which are its own, and how they are shown: one line, no request, no key."""

import re
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from rerankq.contract import RerankRequest
from rerankq_worker.provider.echoes import Least, Span, echoes, pieces
from rerankq_worker.provider.folding import LETTER, fold, fold_placed, unescaped, weight
from rerankq_worker.provider.suspects import suspects

MOST_HEARD: Final = 1024
"""What decides stands in the first sentence."""
MOST_WORDS: Final = 200
_SPARE: Final = 64
"""So much more than is shown is looked at: the cut leaves no echo too short to be recognised."""

SHOWN: Final = Least(stretch=14 * LETTER, whole=6 * LETTER)
"""What may not be seen: a few words of a text, or six signs of Chinese; where it comes whole, a
word, or three signs. Less tells nothing."""
DECIDING: Final = Least(stretch=32 * LETTER, whole=14 * LETTER)
"""What may not decide. More than above: an "insufficient account balance" stands in many a document
and is the vendor's own for all that."""

_KEY: Final = re.compile(r"\b(?:sk|pa|ak|jina)[-_](?=[\w*.-]*[\d*])[\w*.-]{5,}")


@dataclass(frozen=True, slots=True)
class Heard:
    """What a vendor said.

    Attributes:
        own: its words, with a line break in place of each part that repeats the request.
        shown: what a message may quote; None where that would show the request or the key.
    """

    own: str = ""
    shown: str | None = ""


def hear(words: str, request: RerankRequest, key: str) -> Heard:
    """Tell a vendor's own words from those of the request."""
    line = _one_line(words[:MOST_HEARD])
    if not line:
        return Heard()
    folded, places = fold_placed(line)
    texts = (request.query, request.instruction or "", *request.texts())
    # Whoever repeats as much as decides repeats as much as may not be seen.
    private = suspects(folded, texts, SHOWN.stretch)
    spans = sorted(echoes(folded, private, DECIDING))
    own = _without(line, ((places[start], places[end - 1] + 1) for start, end in spans))
    looked_at = line[: MOST_WORDS + _SPARE]
    withheld = repeats(looked_at, key) or any(
        echoes(folded[: bisect_left(places, len(looked_at))], private, SHOWN)
    )
    return Heard(own, None if withheld else _KEY.sub("[key]", looked_at)[:MOST_WORDS])


def repeats(words: str, secret: str) -> bool:
    """Whether words hold all of a secret, however short, or a part that tells of it."""
    if not secret or secret in words:
        return bool(secret)
    letters, told_by = _looked_for(secret)
    folded = fold(words)
    # Asked at each success, where next to no id holds as much as a piece.
    for piece in told_by:
        if piece in folded:
            return any(echoes(folded, [letters], SHOWN))
    return False


@lru_cache(maxsize=64)
def _looked_for(secret: str) -> tuple[str, tuple[str, ...]]:
    """A secret folded, and the pieces of it without one of which nothing repeats it."""
    letters = fold(secret)
    short = weight(letters) < SHOWN.stretch
    return letters, (letters,) if short else tuple(pieces(letters, SHOWN.stretch))


def _without(line: str, spans: Iterable[Span]) -> str:
    parts, at = [], 0
    for start, end in spans:
        if start >= at:
            parts.append(line[at:start])
        at = max(at, end)
    return "\n".join([*parts, line[at:]])


def _one_line(words: str) -> str:
    # Gateways pass on the JSON of those behind them as text, its characters still escaped.
    words = unescaped(words)
    return " ".join("".join(each if each.isprintable() else " " for each in words).split())
