"""Links: written for readers of the repository, and made to fit the page that shows them."""

import os
import re
from pathlib import Path
from typing import Final

from handbook import markdown, readme
from handbook.place import DOCS, OF_THE_FOLDER, OUTLINE, ROOT, Language, page_file

LINK: Final = re.compile(r"(!?)\[((?:[^\[\]`]|`[^`\n]*`|\[[^\]]*\])*)\]\(([^)\s]+)\)")

_READMES: Final = {each.readme: each for each in Language}
_SHOWN_BY: Final = {
    ROOT / "CHANGELOG.md": "changelog",
    ROOT / "CONTRIBUTING.md": "contributing",
    ROOT / "examples": "examples",
    ROOT / "examples" / "README.md": "examples",
    DOCS / f"{OF_THE_FOLDER}.md": OUTLINE,
}
"""Pages of the site that show files of other folders."""


class BrokenLink(LookupError):
    """A link that leads nowhere."""


def fitted(text: str, *, origin: Path, page: str, language: Language, for_sphinx: bool) -> str:
    """The text with its links as a page needs them.

    Args:
        text: Markdown.
        origin: the file that it is from: its links are relative to this.
        page: the page that shows it.
        language: of the text.
        for_sphinx: whether Sphinx reads the text, which copies files of other folders.

    Raises:
        BrokenLink: a link leads to nothing.
    """

    def fit(link: re.Match[str]) -> str:
        mark, words, target = link.groups()
        if "://" in target or target.startswith("mailto:"):
            return link[0]
        there = _there(target, origin, page, language)
        if there is None or not (for_sphinx or there.startswith("#") or _is_ours(page, there)):
            # There is no such file beside the pages; the words name it.
            return words
        return f"{mark}[{words}]({there})"

    return markdown.outside_code(text, lambda prose: LINK.sub(fit, prose))


def _is_ours(page: str, target: str) -> bool:
    path = os.path.normpath(page_file(page).parent / target.partition("#")[0])
    return Path(path).is_relative_to(DOCS)


def _there(target: str, origin: Path, page: str, language: Language) -> str | None:
    """The target as seen from the page; None if it is a folder, which no page shows."""
    path, _, anchor = target.partition("#")
    file = Path(os.path.normpath(origin.parent / path)) if path else origin
    if not file.exists():
        raise BrokenLink(f"{origin.relative_to(ROOT)}: {target} does not exist")
    if file in _READMES:
        name, _, anchor = _of_readme(anchor, origin, language).partition("#")
    elif file in _SHOWN_BY:
        name = _SHOWN_BY[file]
    elif file.is_dir():
        return None
    else:
        return _relative(file, page) + (f"#{anchor}" if anchor else "")
    if name == page and anchor:
        return f"#{anchor}"
    return _relative(page_file(name), page) + (f"#{anchor}" if anchor else "")


def _of_readme(anchor: str, origin: Path, language: Language) -> str:
    if not anchor:
        return OUTLINE
    try:
        return readme.place_of(anchor, _READMES.get(origin, Language.ENGLISH), language)
    except LookupError as error:
        raise BrokenLink(f"{origin.relative_to(ROOT)}: {error}") from None


def _relative(file: Path, page: str) -> str:
    return Path(os.path.relpath(file, page_file(page).parent)).as_posix()
