"""What has to be known of Markdown: code blocks, headings and their anchors, tables."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

_FENCE: Final = re.compile(r"^ *```.*?^ *```$", re.DOTALL | re.MULTILINE)
_HEADING: Final = re.compile(r"^(#+) (.+)$", re.MULTILINE)


def outside_code(text: str, change: Callable[[str], str]) -> str:
    """The text with a change of everything but its code blocks."""
    parts, at = [], 0
    for fence in _FENCE.finditer(text):
        parts += [change(text[at : fence.start()]), fence[0]]
        at = fence.end()
    return "".join([*parts, change(text[at:])])


def without_code(text: str) -> str:
    """The text without its code blocks."""
    return _FENCE.sub("", text)


def headings(text: str) -> Iterator[tuple[int, str]]:
    """Each heading with its level, from the top."""
    for mark, title in _HEADING.findall(without_code(text)):
        yield len(mark), title


def anchor(title: str) -> str:
    """The anchor of a heading, as GitHub and MyST make it."""
    return re.sub(r"[^\w-]", "", title.lower().replace(" ", "-"))


def title_of(text: str) -> str:
    """The first heading."""
    return next(title for _, title in headings(text))


def promoted(text: str) -> str:
    """The text with its headings one level further up."""
    return outside_code(text, lambda prose: re.sub(r"^##(#* )", r"#\1", prose, flags=re.MULTILINE))


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines) + "\n"


def _cell(text: str) -> str:
    return re.sub(r"\s*\n\s*", " ", text.strip()).replace("|", "\\|")


def code(text: object) -> str:
    """The text as code; nothing if it is empty."""
    return f"`{text}`" if str(text) else ""
