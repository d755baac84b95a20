"""The beginning of an answer that is no ranking, for whoever has to find out why."""

import re
from codecs import getincrementaldecoder
from typing import Final

MOST_BYTES: Final = 4096
MOST_TEXT: Final = 16
"""As long as a state or a code is. What is longer may be a document, in a writing nobody knows."""

# The end of the bytes may come before that of the text.
_TEXT: Final = re.compile(r'"((?:[^"\\]|\\.)*)(?:"|\\?\Z)(\s*:)?', re.DOTALL)


def excerpt(body: bytes) -> str:
    """The beginning of a body, each longer text in it left out; nothing where it is no UTF-8."""
    try:
        # Takes a character that the cut goes through for one that is still to come.
        words = getincrementaldecoder("utf-8")().decode(body[:MOST_BYTES])
    except UnicodeDecodeError:
        return ""
    return _TEXT.sub(_shortened, words)


def _shortened(found: re.Match[str]) -> str:
    is_name = found[2] is not None
    return found[0] if is_name or len(found[1]) <= MOST_TEXT else '"…"'
