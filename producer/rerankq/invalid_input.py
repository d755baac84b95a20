"""Faults of a message or a setting in plain words, made from pydantic's errors."""

import re
from typing import Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from rerankq.errors import InvalidRequest, UnsupportedVersion

_A_TIME: Final = "must be a time such as 2026-12-04 or 2026-12-04T17:30:00"
_REWORDED: Final = {
    "missing": "is required",
    "too_short": "must not be empty",
    "too_long": "must have at most {max_length:,} entries",
    "string_too_short": "must not be empty",
    "string_too_long": "must have at most {max_length:,} characters",
    "greater_than": "must be over {gt:,.15g}",
    "greater_than_equal": "must be {ge:,.15g} or more",
    "less_than_equal": "must be {le:,.16g} or less",
    "enum": "must be {expected}",
    "literal_error": "must be {expected}",
    "url_scheme": "must begin with {expected_schemes} and ://",
    "tuple_type": "must be a list",
    "string_type": "must be a string",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "int_parsing": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "dict_type": "must be an object",
    "datetime_type": _A_TIME,
    "datetime_parsing": _A_TIME,
    "datetime_from_date_parsing": _A_TIME,
    "finite_number": "must be a finite number",
}


def first_mistake(error: ValidationError) -> InvalidRequest:
    """The first fault, with the name of its field and never with its value."""
    faults = error.errors(include_url=False, include_input=False)
    fault = next((each for each in faults if each["type"] not in _LESS_TELLING), faults[0])
    kind, message = fault["type"], fault["msg"].removeprefix("Value error, ")
    if kind == "json_invalid":
        return InvalidRequest("", f"not valid JSON ({message.removeprefix('Invalid JSON: ')})")
    path = ".".join(str(part) for part in fault["loc"] if part not in _BRANCHES)
    if len(faults) > 1 and kind in _WRONG_BRANCH and fault["loc"][-1] in _BRANCHES:
        return InvalidRequest(path, "must be a string, or an object with a text")
    if kind == "string_pattern_mismatch":
        return InvalidRequest(path, in_words(fault["ctx"]["pattern"]))
    return (UnsupportedVersion if path == "version" else InvalidRequest)(
        path, in_plain_words(fault)
    )


def in_plain_words(fault: ErrorDetails) -> str:
    """What is wrong, without the field's name and its value."""
    if reworded := _REWORDED.get(fault["type"]):
        return reworded.format(**fault.get("ctx", {}))
    message = fault["msg"].removeprefix("Value error, ")
    return message[:1].lower() + message[1:]


def in_words(pattern: str) -> str:
    """The rule of a pattern in words; all are of the form `^[A-Za-z0-9…]{least,most}$`."""
    signs, least, most = _NAME_PATTERN.fullmatch(pattern).groups()  # type: ignore[union-attr]
    return f"must be {least} to {most} letters, digits and {' '.join(signs)}"


_NAME_PATTERN: Final = re.compile(r"\^\[A-Za-z0-9(\S+)\]\{(\d+),(\d+)\}\$")
# pydantic tries a document as a string and as an object, and reports both faults. Only the fault of
# the form that was meant is shown, with the name of the field.
_BRANCHES: Final = frozenset({"str", "Document"})
_WRONG_BRANCH: Final = frozenset({"string_type", "model_type", "model_attributes_type"})
# pydantic also reports a list as too short when none of its items is valid.
_LESS_TELLING: Final = _WRONG_BRANCH | {"too_short"}
