"""Words of Chinese text for the site's search, without a dictionary.

Sphinx finds words with a library that brings a dictionary, and none without it. The Chinese pages
are few, so each run of two to four characters counts as a word: whoever searches for one finds it.
"""

import re
from typing import Final

from sphinx.search import languages
from sphinx.search.zh import SearchChinese

_RUN: Final = re.compile("[\u4e00-\u9fff]+")
_LONGEST: Final = 4


class Runs(SearchChinese):
    """Chinese by runs of characters; other words as Sphinx finds them."""

    # In the browser Sphinx looks for a stemmer of this name, and brings the English one.
    language_name = "English"

    def split(self, input: str) -> list[str]:  # noqa: A002  Sphinx' name for it
        """The words of a text."""
        return [*super().split(input), *words(input)]


def words(text: str) -> list[str]:
    """Each run of two to four Chinese characters."""
    return [
        run[at : at + length]
        for run in _RUN.findall(text)
        for length in range(2, _LONGEST + 1)
        for at in range(len(run) - length + 1)
    ]


def install() -> None:
    """Let Sphinx use it for Chinese."""
    languages["zh"] = Runs
