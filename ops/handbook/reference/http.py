"""The gateway's routes, as its own OpenAPI description tells of them."""

from collections.abc import Iterator
from functools import cache
from typing import Any, Final

from handbook import markdown
from handbook.place import Language
from rerankq_gateway.app import described

Json = dict[str, Any]

_UNTOLD: Final = "Successful Response"
"""What FastAPI says of an answer that has no description."""


@cache
def description() -> Json:
    """The OpenAPI document of a gateway with default settings."""
    return described()


def made(language: Language) -> str:  # noqa: ARG001  the description is in English
    """A section for each group of routes, and within it one for each operation."""
    groups: dict[str, list[tuple[str, str, Json]]] = {}
    for path, item in description()["paths"].items():
        for method, operation in item.items():
            tag = (operation.get("tags") or ["More"])[0]
            groups.setdefault(tag, []).append((method.upper(), path, operation))
    parts = [
        part
        for tag, operations in groups.items()
        for part in [f"## {tag}\n", *(text for each in operations for text in _operation(*each))]
    ]
    return "\n".join(parts)


def _operation(method: str, path: str, operation: Json) -> Iterator[str]:
    yield f"### `{method} {path}`\n"
    about = [operation.get("summary", ""), operation.get("description", "")]
    yield "\n\n".join(f"{each.rstrip('.')}." for each in about if each) + "\n"
    parameters = [
        (
            f"`{each['name']}`",
            each["in"],
            _type(each.get("schema", {})),
            each.get("description", ""),
        )
        for each in operation.get("parameters", [])
    ]
    if parameters:
        yield markdown.table(("Parameter", "In", "Type", "Meaning"), parameters)
    for media, content in operation.get("requestBody", {}).get("content", {}).items():
        yield from _body(media, content.get("schema", {}))
    answers = operation.get("responses", {})
    told = {
        status: answer.get("description", "")
        for status, answer in answers.items()
        if not _is_error(status)
    }
    rows = [(f"`{status}`", words) for status, words in told.items() if words != _UNTOLD]
    if rows:
        yield markdown.table(("Status", "Answer"), rows)
    refusals = ", ".join(f"`{status}`" for status in answers if _is_error(status))
    if refusals:
        yield f"[Errors](../gateway.md#errors): {refusals}.\n"


def _is_error(status: str) -> bool:
    return status[0] in "45"


def _body(media: str, schema: Json) -> Iterator[str]:
    schema = _resolved(schema)
    needed = schema.get("required", [])
    rows = [
        (
            f"`{name}`" + (" (needed)" if name in needed else ""),
            _type(_resolved(field)),
            field.get("description", ""),
        )
        for name, field in schema.get("properties", {}).items()
    ]
    yield f"Body, `{media}`" + (":\n" if rows else ".\n")
    if rows:
        yield markdown.table(("Field", "Type", "Meaning"), rows)


def _resolved(schema: Json) -> Json:
    name = schema.get("$ref", "").rpartition("/")[2]
    found: Json = description()["components"]["schemas"][name] if name else schema
    return found


def _type(schema: Json) -> str:
    schema = _resolved(schema)
    if "enum" in schema:
        return ", ".join(f"`{each}`" for each in schema["enum"])
    if "const" in schema:
        return f"`{schema['const']}`"
    for several in ("anyOf", "oneOf"):
        if several in schema:
            kinds = dict.fromkeys(_type(each) for each in schema[several])
            return " or ".join(kind for kind in kinds if kind != "null") or "null"
    kind = str(schema.get("type", "any"))
    if kind == "array":
        return f"list of {_type(schema.get('items', {}))}"
    bounds = [
        f"{words} {_number(schema[key])}"
        for key, words in (
            ("minimum", "at least"),
            ("maximum", "at most"),
            ("minLength", "at least"),
            ("maxLength", "at most"),
        )
        if key in schema
    ]
    return ", ".join([kind, *bounds])


def _number(bound: float) -> str:
    return f"{int(bound):,}" if bound == int(bound) else str(bound)
