"""The beginning of an answer that is no ranking, for whoever has to find out why."""

import re
from codecs import getincrementaldecoder
from typing import Final

MOST_BYTES: Final = 4096

# Those with a colon are names. The end of the bytes may come before that of the text.
_TEXT: Final = re.compile(r'"(?:[^"\\]|\\.)*(?:"|\\?\Z)(\s*:)?', re.DOTALL)


def excerpt(body: bytes) -> str:
    """The beginning of a body, or nothing where that is no UTF-8.

    Each text in it is left out, for it may be a document, and too short to be told from chance.
    """
    try:
        # Takes a character that the cut goes through for one that is still to come.
        words = getincrementaldecoder("utf-8")().decode(body[:MOST_BYTES])
    except UnicodeDecodeError:
        return ""
    return _TEXT.sub(lambda found: found[0] if found[1] else '"…"', words)
