"""A vendor's words, fit to be shown: one line, not long, nothing of the request, no key."""

import re
from collections.abc import Iterator
from typing import Final

from rerankq.contract import RerankRequest

MOST_WORDS: Final = 200
REPEATED_CHARACTERS: Final = 16
_BLOCK: Final = REPEATED_CHARACTERS // 2

_KEY: Final = re.compile(r"\b(?:sk|pa|ak|jina)[-_](?=[\w*.-]*[\d*])[\w*.-]{5,}")
_ESCAPED: Final = re.compile(r"\\+u([0-9a-fA-F]{4})")


def quote(words: str, request: RerankRequest, key: str) -> str | None:
    """The words, cut to `MOST_WORDS`; None where they hold something of the request or the key."""
    # A little more than is shown, so that the cut leaves no stretch too short to be recognised.
    line = _one_line(words)[: MOST_WORDS + REPEATED_CHARACTERS]
    if not line:
        return ""
    private = (key, request.query, request.instruction or "", *request.texts())
    if any(repeats(line, " ".join(text.split())) for text in private):
        return None
    return _KEY.sub("[key]", line)[:MOST_WORDS]


def _one_line(words: str) -> str:
    # Gateways pass on the JSON of those behind them as text, its characters still escaped.
    words = _ESCAPED.sub(lambda found: chr(int(found[1], 16)), words)
    return " ".join("".join(each if each.isprintable() else " " for each in words).split())


def repeats(words: str, text: str) -> bool:
    """Whether the words hold a stretch of the text, or all of a short one."""
    if len(text) < REPEATED_CHARACTERS:
        return bool(text) and text in words
    # Each stretch holds one of these blocks whole, so few texts have to be looked at closely.
    blocks = _cut(words, length=_BLOCK, step=_BLOCK)
    return any(block in text for block in blocks) and any(
        stretch in text for stretch in _cut(words, length=REPEATED_CHARACTERS, step=1)
    )


def _cut(words: str, *, length: int, step: int) -> Iterator[str]:
    """Pieces of a length, each `step` after the one before; short words are one piece."""
    return (words[at : at + length] for at in range(0, max(1, len(words) - length + 1), step))
