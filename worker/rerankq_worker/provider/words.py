"""A vendor's words: which part of them may decide about an error. None of them may be shown.

A vendor may quote a document, a query or a key anywhere in its words, and in any form. So messages
and logs never hold them: they are kept with the dead letter, for `rerankq dead show`. Only the
beginning of the words decides about an error (see `taxonomy`), as quotations do not stand there;
and not even the beginning decides if the request says the same.
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
"""What may come before the sentence: a masked key in brackets, "Error:"; no quotation mark."""
_CUT: Final = re.compile(r"\.{3}|…|\n")
_MARKS: Final = bytes(set(range(128)) - set((string.ascii_letters + string.digits).encode()))
LETTERS_OF_KEY: Final = 14
"""This many characters of a key in a row give it away; a shorter key is searched as a whole."""


def kept(body: bytes) -> str:
    """The beginning of an answer, which is kept for the operator."""
    return body[:MOST_KEPT_BYTES].decode("utf-8", "replace").strip()


def deciding(words: str, request: RerankRequest) -> str:
    """The words that may decide the class of an error; empty if the request contains them."""
    sentence = words[_OPENING.match(words).end() :]  # type: ignore[union-attr]  # it may be empty
    beginning = _CUT.split(sentence, maxsplit=1)[0][:MOST_COMPARED]
    # Shorter beginnings stand in many documents by chance, without being quotations.
    tells = len(beginning.encode()) >= LEAST_BYTES
    return "" if tells and stand_in(texts_of(request), beginning) else sentence


def texts_of(request: RerankRequest) -> Sequence[str]:
    """All texts of a request."""
    return (request.query, request.instruction or "", *request.texts())


def stand_in(texts: Sequence[str], words: str) -> bool:
    """Whether one of the texts contains these words, in any case and spacing."""
    sought = _plain(words)
    return any(sought in _plain(text) for text in texts)


def tells_of(key: str, words: str) -> bool:
    """Whether the words hold a key, or enough of it to give it away."""
    if not key or key in words:
        return bool(key)
    said = _letters(words)
    pieces, stretches = _parts(key)
    # This runs at each success; request ids almost never hold even a piece of the key.
    for piece in pieces:
        if piece in said:
            return any(stretch in said for stretch in stretches)
    return False


@lru_cache(maxsize=64)
def _parts(key: str) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
    """Short pieces of a key, and the stretches that would give it away; each holds a piece."""
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
    """The ASCII letters and digits in lower case: a key holds no other letters."""
    return text.lower().encode("ascii", "ignore").translate(None, _MARKS)
