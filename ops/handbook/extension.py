"""What Sphinx calls: pages get their parts, docstrings their form, and the site its other files."""

import re
from pathlib import Path
from typing import Any, Final

from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata

from handbook import chinese_search, llms, pages
from handbook.place import Language

_SINGLE_TICKS: Final = re.compile(r"(?<![`:])`([^`\n]+)`(?!`)")


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register with Sphinx, which calls this."""
    chinese_search.install()
    app.connect("source-read", _read)
    app.connect("autodoc-process-docstring", _docstring)
    app.connect("build-finished", _finished)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _read(app: Sphinx, name: str, source: list[str]) -> None:
    if app.builder.name == "gettext":
        source[0] = pages.to_translate(name)
    else:
        source[0] = pages.shown(name, Language(app.config.language))


def _docstring(
    _app: Sphinx, _what: str, _name: str, _thing: object, _options: Any, lines: list[str]
) -> None:
    # Our docstrings have code between single ticks, as Markdown; Sphinx reads them as its own form.
    lines[:] = [_SINGLE_TICKS.sub(r"``\1``", line) for line in lines]


def _finished(app: Sphinx, failure: Exception | None) -> None:
    if failure is None and app.builder.name == "html":
        llms.write(Path(app.outdir), Language(app.config.language))
