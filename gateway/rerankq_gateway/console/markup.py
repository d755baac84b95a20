"""HTML from Python: every text is escaped where it is put in, and no link leaves the console."""

import re
from collections.abc import Iterable
from html import escape
from typing import Final, Union

_VOID: Final = frozenset({"br", "input", "link", "meta", "hr", "rect", "line", "polyline"})
_SVG: Final = frozenset({"rect", "line", "polyline"})
_LINKS: Final = frozenset({"href", "src", "action", "formaction"})
_LOCAL: Final = re.compile(r"(/(?![/\\])|[#?])[^\x00-\x20\\]*|[?#]?")
"""An address on this server: without a scheme, and without another host."""
_CONTROLS: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
"""Characters that are not shown, or change the order of others: a name must look as it is."""


class Html(str):
    """Text that is HTML already. Only `tag`, `text` and `joined` make it."""

    __slots__ = ()


Node = Union[Html, str, int, float, None, Iterable["Node"]]  # noqa: UP007  it names itself
Attribute = str | int | float | bool | None


def text(said: object) -> Html:
    """A text, escaped; characters that cannot be seen are shown as their codes."""
    return Html(escape(_CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", str(said))))


def joined(*nodes: Node) -> Html:
    """All of these, one behind the other."""
    return Html("".join(map(_written, nodes)))


def tag(name: str, /, *children: Node, **attributes: Attribute) -> Html:
    """An element.

    Args:
        name: of the element.
        *children: texts are escaped; None is left out.
        **attributes: `class_` is `class`, `aria_label` is `aria-label`. True stands alone, False
            and None are left out.

    Raises:
        ValueError: an attribute would lead to another server, or run a script.
    """
    said = "".join(_attribute(each, value) for each, value in attributes.items())
    if name in _VOID:
        return Html(f"<{name}{said}>" if name not in _SVG else f"<{name}{said}/>")
    return Html(f"<{name}{said}>{joined(*children)}</{name}>")


def _attribute(name: str, value: Attribute) -> str:
    name = name.rstrip("_").replace("_", "-")
    if value is None or value is False:
        return ""
    if value is True:
        return f" {name}"
    if name in _LINKS and not _LOCAL.fullmatch(str(value)):
        raise ValueError(f"{name} must be an address on this server")
    if name == "style" or name.startswith("on"):
        raise ValueError(f"{name} is not allowed: the policy of the pages forbids it")
    return f' {name}="{text(value)}"'


def _written(node: Node) -> str:
    match node:
        case None:
            return ""
        case Html():
            return node
        case str() | int() | float():
            return text(node)
    return "".join(map(_written, node))
