"""The sections of the README, in both languages. Pages of the site show them."""

import re
from dataclasses import dataclass
from functools import cache
from typing import Final

from handbook import markdown
from handbook.place import OUTLINE, ROOT, Language, page_file, page_names

SHOWN: Final = re.compile(r"^:::\{(readme|readme-body)\} (.+)\n:::$", re.MULTILINE)
"""A place of a page at which a section is shown, by its English title; with its heading or not."""

_HEADING: Final = re.compile(r"^## (.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Section:
    """A section of second level.

    Attributes:
        title: its heading.
        body: what stands under it.
    """

    title: str
    body: str


@cache
def sections(language: Language) -> list[Section]:
    """All sections, in order; both languages have the same ones."""
    parts = _HEADING.split(language.readme.read_text("utf-8"))
    return [
        Section(title, body.strip() + "\n")
        for title, body in zip(parts[1::2], parts[2::2], strict=True)
    ]


def section(title: str, language: Language) -> Section:
    """The section with this English title, in the language.

    Raises:
        LookupError: there is none.
    """
    titles = [each.title for each in sections(Language.ENGLISH)]
    if title not in titles:
        raise LookupError(f"the README has no section {title!r}: {', '.join(titles)}")
    return sections(language)[titles.index(title)]


@cache
def page_of(title: str) -> tuple[str, bool]:
    """The page that shows the section with this English title, and whether with its heading."""
    for name in page_names():
        for kind, shown in SHOWN.findall(page_file(name).read_text("utf-8")):
            if shown == title:
                return name, kind == "readme"
    return OUTLINE, False


def place_of(anchor: str, written: Language, shown: Language) -> str:
    """Where the site has a heading of the README: a page, and an anchor if it has one.

    Args:
        anchor: of the heading.
        written: the language of the README that has this anchor.
        shown: the language of the site.

    Raises:
        LookupError: the README has no such heading.
    """
    pairs = zip(_headings(written), _headings(shown), strict=True)
    for section, (here, there) in zip(sections(Language.ENGLISH), pairs, strict=True):
        if anchor in here:
            at = here.index(anchor)
            page, with_heading = page_of(section.title)
            if page == OUTLINE or (at == 0 and not with_heading):
                return page
            return f"{page}#{there[at]}"
    raise LookupError(f"{written.readme.relative_to(ROOT)} has no heading #{anchor}")


def _headings(language: Language) -> list[list[str]]:
    """The anchors of each section: of its own heading first, then of those in it."""
    return [
        [markdown.anchor(title) for title in (each.title, *_titles(each.body))]
        for each in sections(language)
    ]


def _titles(body: str) -> list[str]:
    return [title for _, title in markdown.headings(body)]
