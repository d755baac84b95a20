"""Classes that hold data: their fields, with types and meanings."""

import inspect
import typing
from collections.abc import Iterator
from enum import Enum
from typing import Final

from pydantic.fields import FieldInfo

from handbook import markdown
from handbook.docstrings import docstring

_MEANINGS: Final = {"job": "what it is about.", "call": "what it is about."}
"""Of fields whose class says it all."""


def described(kind: type) -> Iterator[str]:
    """What a class is, and a table of its fields, or of its values."""
    told = docstring(kind)
    yield f"{told.text}\n"
    if issubclass(kind, Enum):
        yield f"Values: {', '.join(f'`{each.value}`' for each in kind)}.\n"
        return
    known = typing.get_type_hints(kind)
    of_pydantic: dict[str, FieldInfo] = getattr(kind, "model_fields", {})
    fields = {name: field.description or "" for name, field in of_pydantic.items()}
    meanings = _MEANINGS | fields | told.parts.get("Attributes", {})
    rows = [
        (f"`{name}`", markdown.code(type_name(known[name])), meanings.get(name, ""))
        for name in inspect.signature(kind).parameters
    ]
    if any(meaning for *_, meaning in rows):
        yield markdown.table(("Field", "Type", "Meaning"), rows)
    elif rows:
        yield markdown.table(("Field", "Type"), [row[:2] for row in rows])


def type_name(annotation: object) -> str:
    """A type as code writes it, without the names of modules."""
    if isinstance(annotation, type) and not typing.get_args(annotation):
        return "None" if annotation is type(None) else annotation.__name__
    if annotation is Ellipsis:
        return "..."
    arguments = [type_name(each) for each in typing.get_args(annotation)]
    origin = typing.get_origin(annotation)
    if origin is typing.Literal:
        return " | ".join(repr(each) for each in typing.get_args(annotation))
    if isinstance(origin, type) and origin.__name__ != "UnionType":
        return f"{origin.__name__}[{', '.join(arguments)}]"
    return " | ".join(arguments) if arguments else str(annotation)
