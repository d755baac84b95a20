"""Pages that are made of the code, so that they say what the code does.

settings   the classes of settings
commands   the command line
events     the catalogue of events
metrics    the catalogue of metrics
errors     the tree of errors, and the reasons of ends
http       the gateway's own description of its routes
python     the names that a program may use, by their docstrings
"""

from collections.abc import Callable
from functools import cache
from typing import Final

from handbook.place import Language
from handbook.reference import commands, errors, events, http, metrics, python, settings

_MADE: Final[dict[str, Callable[[Language], str]]] = {
    "settings": settings.made,
    "commands": commands.made,
    "events": events.made,
    "metrics": metrics.made,
    "errors": errors.made,
    "reasons": errors.reasons,
    "http": http.made,
}


@cache
def made(name: str, language: Language, *, for_sphinx: bool) -> str:
    """A page, or a part of one, as Markdown.

    Args:
        name: which.
        language: of its fixed words; what the code says is in English.
        for_sphinx: whether Sphinx reads it, which reads docstrings itself.
    """
    if name == "python":
        return python.for_sphinx() if for_sphinx else python.plain()
    return _MADE[name](language)
