"""Which texts a vendor's words may repeat at all, told before they are folded.

A request is long and folding it costs more than all else that a refusal costs, while the words
are a sentence that repeats none of it. So pieces of the words are looked for in the texts as they
stand, and only a text that holds one is folded and compared. What is looked for is left by every
folding: of a piece its letters of ASCII, or signs with nothing but marks between.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from rerankq_worker.provider.echoes import pieces
from rerankq_worker.provider.folding import ASCII_MARKS, LETTER, SIGNS, letters, unescaped

_MOST_PIECES: Final = 40
"""Longer words are an echo more often than not."""

_IN_ONE_CASE: Final = bytes(range(256)).lower()
_BETWEEN: Final = r"[\W_]*"
_ASCII: Final = re.compile(r"[\x00-\x7f]")
_RUNS: Final = re.compile(r"[\x00-\x7f]+|[^\x00-\x7f]+")
_CASED: Final = re.compile(rf"[^\x00-\x7f{SIGNS}]")
"""What is neither of ASCII nor a sign: it may have a case."""
TO_ASCII: Final = (
    "\u00df\u0130\u0149\u017f\u01f0\u1e96\u1e97\u1e98\u1e99\u1e9a\u1e9e\u212a"
    "\ufb00\ufb01\ufb02\ufb03\ufb04\ufb05\ufb06"
)
"""Beyond ASCII all that folds to letters of it."""


@dataclass(frozen=True)
class _Text:
    """A text whose escapes are undone, and what of it is compared."""

    plain: str

    @cached_property
    def ascii_letters(self) -> bytes:
        return self.plain.encode("ascii", "ignore").translate(_IN_ONE_CASE, ASCII_MARKS)

    def may_hold(self, piece: str) -> bool:
        """Whether a piece of folded words may stand in it."""
        return all(
            run.encode() in self.ascii_letters if run.isascii() else self._may_hold_signs(run)
            for run in _RUNS.findall(piece)
        )

    def _may_hold_signs(self, run: str) -> bool:
        # To make the pattern costs more than to look for signs that are not there.
        return (
            all(sign in self.plain for sign in run)
            and re.search(_BETWEEN.join(run), self.plain) is not None
        )


def suspects(words: str, texts: Sequence[str], stretch: int) -> list[str]:
    """The texts, folded, of which the words may repeat a stretch of this weight, or all.

    Args:
        words: what is said, folded.
        texts: as they are.
        stretch: the least weight that counts; a text that weighs less is always one of them.
    """
    plain = list(map(unescaped, texts))
    sought = set(pieces(words, stretch))
    if len(sought) > _MOST_PIECES:
        return list(map(letters, plain))
    # Apart: one character beyond ASCII makes all that is joined to it slower to look through.
    of_ascii = list(filter(str.isascii, plain))
    beyond = [text for text in plain if not text.isascii()]
    if _CASED.search(words) or (_ASCII.search(words) and _any_folds_to_ascii(beyond)):
        beyond = [text.casefold() for text in beyond]
    # Of so many letters each weighs enough.
    long = re.compile(rf"(?:{_BETWEEN}[^\W_]){{{-(-stretch // LETTER)}}}")
    return [
        letters(text)
        for alike in (of_ascii, beyond)
        for found in [_found(sought, alike)]
        for text in alike
        if not long.match(text) or (found and any(map(_Text(text).may_hold, found)))
    ]


def _found(sought: Iterable[str], texts: Iterable[str]) -> list[str]:
    """Those pieces that may stand in one of the texts."""
    return list(filter(_Text("\n".join(texts)).may_hold, sought))


def _any_folds_to_ascii(texts: Iterable[str]) -> bool:
    together = "\n".join(texts)
    return any(each in together for each in TO_ASCII)
