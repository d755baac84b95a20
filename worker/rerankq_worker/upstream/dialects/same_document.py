"""Whether a document in an answer is the job's own.

A rerank API repeats the documents, and that tells whose answer it is. Most repeat them as they
were sent. Some cut them off, strip them, or bring their characters to another form: that is the
job's own as well. So where they are not equal, the beginnings are compared by letters and digits.
"""

import html
import re
import unicodedata
from typing import Final

MOST_COMPARED: Final = 2048
"""Characters of what was given; documents that differ behind these are told apart by nobody."""
_CUT: Final = 16
"""So many before a cut are left out: it may go through an escape."""
_ESCAPE: Final = re.compile(r"\\+(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|[abfnrtv0]?)")
_MARKS: Final = re.compile(r"[\W_]+")


def is_own(given: str, sent: str) -> bool:
    """Whether a document that came back is the one that was sent, or a beginning of it.

    Args:
        given: the document of an answer.
        sent: the job's document at that index.
    """
    if given == sent:
        return True
    shown = given if len(given) <= MOST_COMPARED else given[: MOST_COMPARED - _CUT]
    # Without letters it tells nothing: an empty text stands where none was asked for.
    letters = _letters(shown)
    return _letters(sent.lstrip()[: 4 * MOST_COMPARED]).startswith(letters)


def _letters(text: str) -> str:
    """The letters and digits of a text in one case, its escapes undone."""
    if "\\" in text:
        # Of what lies beyond U+FFFF, JSON escapes the two halves.
        halves = _ESCAPE.sub(_unescaped, text).encode("utf-16", "surrogatepass")
        text = halves.decode("utf-16", "ignore")
    return _MARKS.sub("", unicodedata.normalize("NFKD", html.unescape(text)).casefold())


def _unescaped(escape: re.Match[str]) -> str:
    code = escape[1] or escape[2]
    return chr(int(code, 16)) if code else " "
