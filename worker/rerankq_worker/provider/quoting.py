"""A vendor's words, fit to be shown: one line, not long, nothing of the request, no key."""

import re
from typing import Final

from rerankq.contract import RerankRequest

MOST_WORDS: Final = 200
REPEATED_CHARACTERS: Final = 16

_KEY: Final = re.compile(r"\b(?:sk|pa|ak|jina)[-_](?=[\w*.-]*[\d*])[\w*.-]{5,}")
_ESCAPED: Final = re.compile(r"\\+u([0-9a-fA-F]{4})")


def quote(words: str, request: RerankRequest, key: str) -> str | None:
    """The words, cut to `MOST_WORDS`; None where they hold something of the request or the key."""
    # A little more than is shown, so that the cut leaves no stretch too short to be recognised.
    line = _one_line(words)[: MOST_WORDS + REPEATED_CHARACTERS]
    if not line:
        return ""
    private = (key, request.query, request.instruction or "", *request.texts())
    if any(_repeats(line, " ".join(text.split())) for text in private):
        return None
    return _KEY.sub("[key]", line)[:MOST_WORDS]


def _one_line(words: str) -> str:
    # Gateways pass on the JSON of those behind them as text, its characters still escaped.
    words = _ESCAPED.sub(lambda found: chr(int(found[1], 16)), words)
    return " ".join("".join(each if each.isprintable() else " " for each in words).split())


def _repeats(words: str, text: str) -> bool:
    """Whether the words hold a stretch of the text, or all of a short one."""
    if len(text) < REPEATED_CHARACTERS:
        return bool(text) and text in words
    last = max(1, len(words) - REPEATED_CHARACTERS + 1)
    return any(words[at : at + REPEATED_CHARACTERS] in text for at in range(last))
