"""What a docstring in Google's style says, as Markdown."""

import inspect
import re
from dataclasses import dataclass
from typing import Final

_PART: Final = re.compile(
    r"^(Attributes|Args|Arguments|Returns|Raises|Yields):\n((?:    .*\n|\n)+)", re.MULTILINE
)
_ENTRY: Final = re.compile(r"^([\w.*]+):\s+(.*?)(?=^[\w.*]+:\s|\Z)", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Docstring:
    """A docstring.

    Attributes:
        text: all but its parts.
        parts: its parts by their heads, such as `Args`; each is a text by name.
    """

    text: str
    parts: dict[str, dict[str, str]]

    @property
    def summary(self) -> str:
        """The first paragraph, on one line."""
        return " ".join(self.text.partition("\n\n")[0].split())

    @property
    def whole(self) -> str:
        """The text, with a list for each part."""
        lists = [
            f"{head}:\n\n" + "\n".join(f"- `{name}`: {told}" for name, told in part.items())
            for head, part in self.parts.items()
            if part
        ]
        return "\n\n".join([self.text, *lists])


def docstring(thing: object) -> Docstring:
    """The docstring of a class, a function or a module; an empty one if it has none."""
    text = f"{inspect.getdoc(thing) or ''}\n"
    parts = {head: _entries(body) for head, body in _PART.findall(text)}
    return Docstring(_PART.sub("", text).strip(), parts)


def _entries(body: str) -> dict[str, str]:
    lines = inspect.cleandoc(body)
    return {name: " ".join(text.split()) for name, text in _ENTRY.findall(lines)}
