"""Chinese titles of pages that are not translated: with these the navigation is in one language."""

import tomllib
from functools import cache
from typing import Final

from handbook.place import CATALOGUES, Language

_FILE: Final = CATALOGUES / Language.CHINESE / "titles.toml"


@cache
def titles() -> dict[str, str]:
    """The titles by the names of pages."""
    return tomllib.loads(_FILE.read_text("utf-8"))


def shown(name: str, own: str) -> str:
    """The title of a page, which says that the page is in English; without a Chinese one its own.

    Args:
        name: of the page.
        own: its title in English.
    """
    title = titles().get(name)
    return f"{title}（英文）" if title else own  # noqa: RUF001  as Chinese has it
