"""Words brought to one form, so that what was said twice is recognised however it was written.

Whoever passes a text on may escape it as JSON, Python or HTML do, change its case, white space or
quotation marks, and drop what cannot be printed. What all of that leaves alone is letters and
digits in their order: they are compared, and nothing else.
"""

import html
import re
import string
from collections.abc import Iterator
from typing import Final

LETTER: Final = 2
SIGN: Final = 5
"""Weights; a sign is one of Chinese, Japanese or Korean: six tell as much as 14 letters."""
SIGNS: Final = "\u1100-\u11ff\u2e80-\ua4cf\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
"""As ranges of a pattern; none of them has a case."""

# However often it was escaped: a run of backslashes counts as one.
_CODE: Final = re.compile(r"\\+(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2}))")
_BLANK: Final = re.compile(r"\\+[abfnrtv0]")
ASCII_MARKS: Final = bytes(set(range(128)) - set((string.ascii_letters + string.digits).encode()))
_MARKS: Final = re.compile(r"\W+")
_SIGN: Final = re.compile(f"[{SIGNS}]")


def unescaped(text: str) -> str:
    """The text with its escapes undone; a backslash that is none is dropped like one that is."""
    if "\\" in text:
        # Apart from codes, which are few, without a call for each: a document may be all LaTeX.
        text, codes = _CODE.subn(_character, text)
        text = _BLANK.sub(" ", _joined(text) if codes else text).replace("\\", "")
    return html.unescape(text) if "&" in text else text


def fold(text: str) -> str:
    """The letters and digits of a text, in one case."""
    return letters(unescaped(text))


def letters(text: str) -> str:
    """What `fold` gives of a text whose escapes are undone."""
    # Bytes first: they lose the marks of ASCII, most of all there are, thirty times as fast.
    marked = text.casefold().encode("utf-8", "ignore")
    folded = marked.translate(None, ASCII_MARKS).decode()
    return folded if folded.isascii() else _MARKS.sub("", folded)


def fold_placed(line: str) -> tuple[str, list[int]]:
    """What `fold` gives of a line without escapes, and where in it each character stood."""
    placed = list(_letters(line))
    return "".join(letter for letter, _ in placed), [place for _, place in placed]


def weights(folded: str) -> list[int]:
    """How much each character tells."""
    return [SIGN if _SIGN.match(each) else LETTER for each in folded]


def weight(folded: str) -> int:
    """How much all characters tell together."""
    return LETTER * len(folded) + (SIGN - LETTER) * len(_SIGN.findall(folded))


def _letters(line: str) -> Iterator[tuple[str, int]]:
    for place, character in enumerate(line):
        for letter in character.casefold():
            if letter.isalnum():
                yield letter, place


def _character(code: re.Match[str]) -> str:
    character = chr(int(code[1] or code[2], 16))
    # It escapes nothing: what stands behind it is its own.
    return character if character != "\\" else ""


def _joined(text: str) -> str:
    """The text with its surrogates, in which JSON escapes what lies beyond U+FFFF, made one."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "ignore")
