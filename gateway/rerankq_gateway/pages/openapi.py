"""The OpenAPI document: FastAPI's own, with the routes that FastAPI does not serve."""

from collections.abc import Iterable, Mapping
from copy import deepcopy
from typing import Any, Final

from fastapi import FastAPI

from rerankq_gateway.errors.described import ERROR, NAME, add_refusals

_TOKEN: Final = "token"  # noqa: S105  the name of the scheme
_OF_FASTAPI: Final = ("HTTPValidationError", "ValidationError")
"""Schemas of a body that the gateway does not use."""
_ABOUT: Final = (
    "Jobs and rerank calls for programs in any language. On a gateway without tokens none is "
    "needed. Every error has the same body, which clients of OpenAI, Cohere and Jina, and readers "
    "of problem details (RFC 9457) understand."
)


def schema(cold: FastAPI, described: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The document.

    Args:
        cold: FastAPI with all its routes.
        described: of each group of routes, the path items of those that FastAPI does not serve.
    """
    document = cold.openapi()
    document["info"]["description"] = _ABOUT
    if cold.root_path:
        document["servers"] = [{"url": cold.root_path}]
    paths: dict[str, Any] = document["paths"]
    for items in described:
        for path, item in items.items():
            paths[path] = paths.get(path, {}) | deepcopy(dict(item))
    components = document.setdefault("components", {})
    components.setdefault("securitySchemes", {})[_TOKEN] = {"type": "http", "scheme": "bearer"}
    schemas = components.setdefault("schemas", {})
    schemas[NAME] = ERROR
    for name in _OF_FASTAPI:
        schemas.pop(name, None)
    for item in paths.values():
        for operation in item.values():
            # Who needs no token is refused nothing.
            if operation.get("security") != []:
                add_refusals(operation)
    # Either a token, or none: on the loopback, as long as there are no tokens.
    document["security"] = [{_TOKEN: []}, {}]
    return document
