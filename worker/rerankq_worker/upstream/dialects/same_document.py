"""Whether a document in an answer is the job's own.

Many rerank APIs repeat the documents, which shows whose answer it is. Most repeat them as they were
sent. Some cut them off, strip them, or change the form of their characters: those are still the
job's own. So if they are not equal, only the letters and digits of their beginnings are compared.
"""

import html
import re
import unicodedata
from typing import Final

MOST_COMPARED: Final = 2048
"""How many characters of the answer's document are compared; later differences are not noticed."""
_CUT: Final = 16
"""How many characters before a cut are ignored, because the cut may split an escape sequence."""
_ESCAPE: Final = re.compile(r"\\+(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|[abfnrtv0]?)")
_MARKS: Final = re.compile(r"[\W_]+")


def is_own(given: str, sent: str) -> bool:
    """Whether the document in an answer is the one that was sent, or a beginning of it.

    Args:
        given: the document of an answer.
        sent: the job's document at that index.
    """
    if given == sent:
        return True
    shown = given if len(given) <= MOST_COMPARED else given[: MOST_COMPARED - _CUT]
    # A text without letters fits any document: some vendors send an empty one.
    letters = _letters(shown)
    return _letters(sent.lstrip()[: 4 * MOST_COMPARED]).startswith(letters)


def _letters(text: str) -> str:
    """The letters and digits of a text in one case, with escape sequences decoded."""
    if "\\" in text:
        # JSON escapes a character beyond U+FFFF as two surrogate halves.
        halves = _ESCAPE.sub(_unescaped, text).encode("utf-16", "surrogatepass")
        text = halves.decode("utf-16", "ignore")
    return _MARKS.sub("", unicodedata.normalize("NFKD", html.unescape(text)).casefold())


def _unescaped(escape: re.Match[str]) -> str:
    code = escape[1] or escape[2]
    return chr(int(code, 16)) if code else " "
