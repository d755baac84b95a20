"""Where the pages are, and in which languages they are built."""

from enum import StrEnum
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
DOCS: Final = ROOT / "docs"
CATALOGUES: Final = DOCS / "locales"

OUTLINE: Final = "index"
"""The first page: its tables of contents name all others."""
OF_THE_FOLDER: Final = "README"
"""The table for readers of the repository: the site has `OUTLINE` in its place."""


class Language(StrEnum):
    """The languages of the site, by Sphinx' names for them."""

    ENGLISH = "en"
    CHINESE = "zh_CN"

    @property
    def readme(self) -> Path:
        """The README in this language."""
        return ROOT / ("README.md" if self is Language.ENGLISH else "README.zh-CN.md")


def page_file(name: str) -> Path:
    """The file of a page."""
    return DOCS / f"{name}.md"


def page_names() -> list[str]:
    """All pages of the site, such as `limits` and `runbook/rerankq-no-workers`."""
    found = (page.relative_to(DOCS).with_suffix("").as_posix() for page in DOCS.rglob("*.md"))
    return sorted(name for name in found if name != OF_THE_FOLDER)


def is_translated(name: str) -> bool:
    """Whether a page has a catalogue in Chinese; a test demands that such a one is complete."""
    return catalogue_file(name).is_file()


def catalogue_file(name: str) -> Path:
    """The catalogue of a page in Chinese."""
    return CATALOGUES / Language.CHINESE / "LC_MESSAGES" / f"{name}.po"
