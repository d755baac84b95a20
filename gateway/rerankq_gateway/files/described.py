"""The routes of files as OpenAPI describes them."""

from typing import Any, Final

_FILE: Final = {
    "id": "file-3f2a9c0d5b7e41d68f1c2a3b4d5e6f70",
    "object": "file",
    "bytes": 2048,
    "created_at": 1_767_225_600,
    "expires_at": 1_769_817_600,
    "filename": "jobs.jsonl",
    "purpose": "batch",
    "status": "processed",
    "status_details": None,
}
_LIST: Final = {
    "object": "list",
    "data": [_FILE],
    "first_id": _FILE["id"],
    "last_id": _FILE["id"],
    "has_more": False,
}


def _answer(description: str, example: Any) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"example": example}}}


_UNKNOWN: Final[dict[int | str, dict[str, Any]]] = {
    404: {"description": "The caller has no file with this id."}
}
FILE: Final[dict[int | str, dict[str, Any]]] = {200: _answer("The file.", _FILE), **_UNKNOWN}
FILES: Final[dict[int | str, dict[str, Any]]] = {200: _answer("A page.", _LIST), **_UNKNOWN}
DELETED: Final[dict[int | str, dict[str, Any]]] = {
    200: _answer("It is deleted.", {"id": _FILE["id"], "object": "file", "deleted": True}),
    **_UNKNOWN,
}
_BYTES: Final = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
CONTENT: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "All bytes.", "content": _BYTES},
    206: {"description": "The bytes of the range.", "content": _BYTES},
    416: {"description": "The range begins behind the end."},
    **_UNKNOWN,
}
UPLOADING: Final[dict[str, Any]] = {
    "post": {
        "tags": ["Files"],
        "summary": "Upload a file",
        "description": "A JSONL file with a job on each line, for a batch. It is taken in as it "
        "comes, and is on the gateway's disk before it is answered.",
        "requestBody": {
            "required": True,
            "content": {
                "multipart/form-data": {
                    "schema": {
                        "type": "object",
                        "required": ["file", "purpose"],
                        "properties": {
                            "file": {"type": "string", "format": "binary"},
                            "purpose": {"type": "string", "enum": ["batch"]},
                            "expires_after[anchor]": {"type": "string", "enum": ["created_at"]},
                            "expires_after[seconds]": {
                                "type": "integer",
                                "minimum": 3600,
                                "maximum": 2_592_000,
                            },
                        },
                    }
                }
            },
        },
        "responses": {
            "200": _answer("The file.", _FILE),
            "400": {"description": "The form cannot be read, or a part of it is wrong."},
            "413": {"description": "The file is too large."},
            "415": {"description": "The body is no form."},
            "507": {"description": "The gateway's folder for files is full."},
        },
    }
}
