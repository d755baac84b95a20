"""Pictures of the Mermaid diagrams, so that the site needs no script and no network for them.

`make diagrams` draws the missing ones, in an environment of its own: only this needs the library.
A picture is named by the hash of its diagram, so a diagram that has changed has no picture.
"""

import hashlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from handbook.place import DOCS, ROOT, page_file

FOLDER: Final = DOCS / "images" / "diagrams"
_BLOCK: Final = re.compile(r"^```mermaid\n(.*?)^```$", re.DOTALL | re.MULTILINE)


class NotDrawn(LookupError):
    """A diagram has no picture."""


def shown(text: str, *, page: str, title: str) -> str:
    """The text with pictures in place of its diagrams.

    Raises:
        NotDrawn: a diagram is new, or has changed.
    """

    def picture(block: re.Match[str]) -> str:
        file = picture_of(block[1])
        if not file.is_file():
            raise NotDrawn(f"{page} has a diagram without a picture: run make diagrams")
        there = Path(os.path.relpath(file, page_file(page).parent)).as_posix()
        return f"![{title}: a diagram]({there})"

    return _BLOCK.sub(picture, text)


def picture_of(diagram: str) -> Path:
    """The file of a diagram's picture."""
    return FOLDER / f"{hashlib.sha256(diagram.encode()).hexdigest()[:12]}.svg"


def diagrams() -> Iterator[str]:
    """All diagrams of all pages."""
    for page in sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")]):
        yield from _BLOCK.findall(page.read_text("utf-8"))


def draw() -> None:
    """Draw what is missing, and delete the pictures that no page shows any more."""
    import mermaidx  # noqa: PLC0415  in the environment of `make diagrams` only

    wanted = {picture_of(each): each for each in diagrams()}
    FOLDER.mkdir(parents=True, exist_ok=True)
    for file in set(FOLDER.glob("*.svg")) - wanted.keys():
        file.unlink()
    for file, diagram in wanted.items():
        if not file.is_file():
            file.write_text(f"{mermaidx.render(diagram).svg()}\n", "utf-8")


if __name__ == "__main__":
    draw()
