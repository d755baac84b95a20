"""The catalogues of the translation: gettext files, one for each translated page.

`make translations` brings them up to date: messages that are new get an empty translation, and
those that no page has any more are dropped. A test refuses a catalogue with either.
"""

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po

from handbook.place import DOCS, ROOT, Language, catalogue_file, is_translated, page_names

_WIDTH: Final = 110
_KEPT: Final = re.compile(r"`[^`]+`|\]\([^)\s]+\)")
"""What a translation must have as the original has it: code, and where links lead."""


def extracted(names: list[str], folder: Path) -> dict[str, Catalog]:
    """The messages of pages, as Sphinx finds them.

    Args:
        names: the pages.
        folder: for Sphinx' files.
    """
    options = ("-b", "gettext", "-q", "-c", str(ROOT / "ops" / "handbook"))
    # Pages that are not asked for would be missing from tables of contents: that is no fault here.
    only = ("-D", f"include_patterns={','.join(f'{name}.md' for name in names)}")
    quiet = ("-D", "suppress_warnings=toc.excluded,toc.not_readable,myst.xref_missing")
    subprocess.run(  # noqa: S603  Sphinx of this environment
        [sys.executable, "-m", "sphinx", *options, *only, *quiet, str(DOCS), str(folder)],
        env={"PYTHONPATH": str(ROOT / "ops")},
        check=True,
    )
    return {name: _read(folder / f"{name}.pot") for name in names}


def _read(file: Path) -> Catalog:
    with file.open("rb") as content:
        return read_po(content)


def translated() -> list[str]:
    """The pages that have a catalogue."""
    return [name for name in page_names() if is_translated(name)]


def faults(name: str, messages: Catalog) -> Iterator[str]:
    """What is wrong with the catalogue of a page."""
    with catalogue_file(name).open("rb") as content:
        catalogue = read_po(content)
    known = {str(message.id): message for message in catalogue if message.id}
    wanted = [str(message.id) for message in messages if message.id]
    for text in wanted:
        if text not in known:
            yield f"{name}: is not in the catalogue: {text!r}"
            continue
        message = known.pop(text)
        if not message.string or message.fuzzy:
            yield f"{name}: is not translated: {text!r}"
        elif sorted(_KEPT.findall(str(message.string))) != sorted(_KEPT.findall(text)):
            yield f"{name}: the translation has other code or links: {text!r}"
    for stale in (*known, *map(str, catalogue.obsolete)):
        yield f"{name}: no page has this any more: {stale!r}"


def update(name: str, messages: Catalog) -> None:
    """Write the catalogue of a page anew, with the translations that it has."""
    file = catalogue_file(name)
    known = _read(file) if file.is_file() else Catalog()
    new = Catalog(locale=Language.CHINESE, fuzzy=False, charset="utf-8")
    for message in messages:
        if message.id:
            before = known.get(message.id)
            new.add(message.id, before.string if before else "")
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("wb") as content:
        write_po(content, new, width=_WIDTH, omit_header=True)


def main(new: list[str]) -> None:
    """Bring all catalogues up to date, and begin those of further pages."""
    names = sorted({*translated(), *new})
    with tempfile.TemporaryDirectory() as folder:
        for name, messages in extracted(names, Path(folder)).items():
            update(name, messages)


if __name__ == "__main__":
    main(sys.argv[1:])
