"""Errors as OpenAPI describes them: the one body, and the refusals that every route has."""

from typing import Any, Final

NAME: Final = "Error"
"""The body's name among the document's schemas."""
ERROR: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["error", "message", "status", "request_id"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["message", "type", "param", "code"],
            "properties": {
                "message": {"type": "string"},
                "type": {"type": "string"},
                "param": {"type": ["string", "null"]},
                "code": {"type": "string"},
            },
        },
        "message": {"type": "string"},
        "detail": {"type": "string"},
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "instance": {"type": "string"},
        "request_id": {"type": "string"},
    },
}
CONTENT: Final[dict[str, Any]] = {
    "application/json": {"schema": {"$ref": f"#/components/schemas/{NAME}"}}
}
_ALWAYS: Final = {
    "400": "A header is wrong, or the request cannot be read.",
    "401": "There is no token, or it is not known.",
    "403": "The token does not allow this, or its tenant is disabled.",
    "422": "A field is wrong: `param` names it.",
    "429": "A quota is used up.",
    "500": "A fault in rerankq.",
    "503": "The ledger does not answer, or the gateway is about to end.",
}
_WITH_A_BODY: Final = {
    "408": "Nothing of the body came for too long.",
    "413": "The body is too large.",
    "415": "The body's type or packing is not known.",
}
_OF_FASTAPI: Final = "HTTPValidationError"


def add_refusals(operation: dict[str, Any]) -> None:
    """Add the refusals that an operation does not describe itself, and their body to all.

    Args:
        operation: an operation of the document, for which callers need a token.
    """
    said = _ALWAYS | (_WITH_A_BODY if operation.get("requestBody") else {})
    answers = operation["responses"]
    for status in [each for each, answer in answers.items() if _OF_FASTAPI in str(answer)]:
        # FastAPI describes the body that it would give; `asgi.cold` gives ours.
        del answers[status]
    for status, description in said.items():
        answers.setdefault(status, {"description": description})
    operation["responses"] = dict(sorted(answers.items()))
    for status, answer in answers.items():
        if status >= "400":
            answer.setdefault("content", CONTENT)
