"""A vendor's words: what of them may decide, and which of them may be shown: none.

A vendor may quote a document, a query or a key in whatever it says, and in whatever form. So its
words stand in no message and no log: they are kept beside the dead letter, for `rerankq dead show`.
They decide by whole sentences from their beginning on (see `taxonomy`), where a quotation does not
stand; and not even so where the request itself says the same.
"""

import re
import string
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from rerankq.contract import RerankRequest

MOST_KEPT_BYTES: Final = 1024
LEAST_BYTES: Final = 14
MOST_COMPARED: Final = 48
_OPENING: Final = re.compile(
    r"\s*(?:\[[^\]]{1,80}\]\s*)?(?:(?:\w+ ){0,2}[\w.]*(?:error|exception)[\s:,.(-]+)?",
    re.IGNORECASE,
)
"""What may stand before a sentence: a masked key in brackets, "Error:"; no quotation mark."""
_CUT: Final = re.compile(r"\.{3}|…|\n")
_MARKS: Final = bytes(set(range(128)) - set((string.ascii_letters + string.digits).encode()))
LETTERS_OF_KEY: Final = 14
"""So many in a row tell of a key; a shorter key is looked for as a whole."""


def kept(body: bytes) -> str:
    """The beginning of an answer, as an operator may look at it."""
    return body[:MOST_KEPT_BYTES].decode("utf-8", "replace").strip()


def deciding(words: str, request: RerankRequest) -> str:
    """The words that tell the class of an error; none where they begin as the request does."""
    sentence = words[_OPENING.match(words).end() :]  # type: ignore[union-attr]  # it may be empty
    beginning = _CUT.split(sentence, maxsplit=1)[0][:MOST_COMPARED]
    # Less is said by many a document without having been quoted.
    tells = len(beginning.encode()) >= LEAST_BYTES
    return "" if tells and stand_in(texts_of(request), beginning) else sentence


def texts_of(request: RerankRequest) -> Sequence[str]:
    """All that a request says."""
    return (request.query, request.instruction or "", *request.texts())


def stand_in(texts: Sequence[str], words: str) -> bool:
    """Whether one of the texts says these words, in any case and spacing."""
    sought = _plain(words)
    return any(sought in _plain(text) for text in texts)


def tells_of(key: str, words: str) -> bool:
    """Whether words hold a key, or as much as would give it away."""
    if not key or key in words:
        return bool(key)
    said = _letters(words)
    pieces, stretches = _parts(key)
    # Asked at each success, where next to no id holds as much as a piece.
    for piece in pieces:
        if piece in said:
            return any(stretch in said for stretch in stretches)
    return False


@lru_cache(maxsize=64)
def _parts(key: str) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
    """Pieces of a key of which each stretch that tells of it holds one; and those stretches."""
    letters, half = _letters(key), LETTERS_OF_KEY // 2
    starts = range(max(1, len(letters) - LETTERS_OF_KEY + 1))
    stretches = tuple(letters[start : start + LETTERS_OF_KEY] for start in starts)
    if len(letters) < LETTERS_OF_KEY:
        return stretches, stretches
    whole = range(0, len(letters) - half + 1, half)
    return tuple(letters[start : start + half] for start in whole), stretches


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())


def _letters(text: str) -> bytes:
    """Letters and digits in one case. Of ASCII alone: that is all that a key may hold."""
    return text.lower().encode("ascii", "ignore").translate(None, _MARKS)
