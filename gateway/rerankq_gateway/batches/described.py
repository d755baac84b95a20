"""The routes of batches as OpenAPI describes them."""

from typing import Any, Final

_ID: Final = "batch-0f0a2f9e-3d0b-4f0e-9a63-6a9a0a3b6d10"
_BATCH: Final = {
    "id": _ID,
    "object": "batch",
    "endpoint": "/v1/rerank",
    "input_file_id": "file-3f2a9c0d5b7e41d68f1c2a3b4d5e6f70",
    "completion_window": "24h",
    "status": "in_progress",
    "created_at": 1_767_225_600,
    "request_counts": {"total": 30_000, "completed": 1200, "failed": 0},
    "metadata": {"corpus": "news"},
}
_FILE: Final = {
    "id": f"file-out-{_ID}",
    "object": "file",
    "bytes": 81_920,
    "created_at": 1_767_225_900,
    "filename": f"{_ID}_output.jsonl",
    "purpose": "batch_output",
    "status": "processed",
}


def _answer(description: str, example: Any) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"example": example}}}


UNKNOWN: Final[dict[int | str, dict[str, Any]]] = {
    404: {"description": "The caller has no batch with this id."}
}
BATCH: Final[dict[int | str, dict[str, Any]]] = {200: _answer("The batch.", _BATCH), **UNKNOWN}
BATCHES: Final[dict[int | str, dict[str, Any]]] = {
    200: _answer(
        "A page.",
        {
            "object": "list",
            "data": [_BATCH],
            "first_id": _ID,
            "last_id": _ID,
            "has_more": False,
        },
    ),
    **UNKNOWN,
}
_NOT_THERE: Final[dict[int | str, dict[str, Any]]] = {
    404: {"description": "The caller has no batch with this id, or it has no such results."},
    409: {"description": "The batch has not ended."},
}
OUTPUT_FILE: Final[dict[int | str, dict[str, Any]]] = {
    200: _answer("What is known of the file.", _FILE),
    **_NOT_THERE,
}
NOT_DELETED: Final[dict[int | str, dict[str, Any]]] = {
    **_NOT_THERE,
    409: {"description": "The file is read from its batch, and goes with it."},
}
_BYTES: Final[dict[str, Any]] = {"application/octet-stream": {}}
OUTPUT_CONTENT: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "Lines of JSON.", "content": _BYTES},
    206: {"description": "The bytes of the range.", "content": _BYTES},
    416: {"description": "The range begins behind the end."},
    **_NOT_THERE,
}
_LINES: Final[dict[str, Any]] = {"application/x-ndjson": {}}
LINES: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "Lines of JSON.", "content": _LINES},
    206: {"description": "The bytes of the range.", "content": _LINES},
    416: {"description": "The range begins behind the end."},
    **UNKNOWN,
}
EVENTS: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "Server-sent events.", "content": {"text/event-stream": {}}},
    204: {"description": "The batch has ended, and the caller knows it."},
    **UNKNOWN,
}
ADDING: Final[dict[int | str, dict[str, Any]]] = {
    200: _answer("They are recorded.", {"batch": _ID, "accepted": 2}),
    **UNKNOWN,
    409: {"description": "The batch takes no more jobs."},
    422: {"description": "Lines are no jobs; none was added."},
}
ADDED: Final[dict[str, Any]] = {
    "parameters": [
        {
            "name": "Idempotency-Key",
            "in": "header",
            "description": "With the same key and body nothing is added twice.",
            "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
        }
    ],
    "requestBody": {
        "required": True,
        "content": {
            "application/x-ndjson": {
                "schema": {"type": "string"},
                "example": '{"query": "cats", "documents": ["a dog", "a cat"]}\n',
            },
            "application/json": {
                "schema": {"type": "array", "minItems": 1, "items": {"type": "object"}},
                "example": [{"query": "cats", "documents": ["a dog", "a cat"]}],
            },
        },
    },
}
"""What a request to add jobs has."""
RETRYING: Final[dict[int | str, dict[str, Any]]] = {
    200: _answer("What became of them.", {"batch": _BATCH, "submitted": 3, "missing": []}),
    **UNKNOWN,
}
_METADATA: Final = {
    "type": "object",
    "maxProperties": 16,
    "additionalProperties": {"type": "string", "maxLength": 512},
}
CREATING: Final[dict[str, Any]] = {
    "post": {
        "tags": ["Batches"],
        "summary": "Open a batch",
        "description": "With `input_file_id` as OpenAI has it: the file is checked and its lines "
        "become jobs. Without it the batch is empty, and filled by calls.",
        "parameters": [
            {
                "name": "Idempotency-Key",
                "in": "header",
                "description": "The same key gives the same batch again.",
                "schema": {"type": "string"},
            }
        ],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {
                        "type": "object",
                        "properties": {
                            "input_file_id": {"type": "string"},
                            "endpoint": {
                                "type": "string",
                                "enum": ["/v1/rerank", "/v2/rerank", "/rerank"],
                            },
                            "completion_window": {"type": "string", "default": "24h"},
                            "metadata": _METADATA,
                            "output_expires_after": {"type": "object"},
                            "deadline_seconds": {"type": "number", "exclusiveMinimum": 0},
                            "kept_seconds": {"type": "number", "minimum": 1},
                            "expected": {"type": "integer", "minimum": 0},
                            "budget": {"type": "string", "example": "5000000"},
                        },
                    },
                    "example": {
                        "input_file_id": "file-3f2a9c0d5b7e41d68f1c2a3b4d5e6f70",
                        "endpoint": "/v1/rerank",
                        "completion_window": "24h",
                    },
                }
            },
        },
        "responses": {
            "200": _answer("The batch.", _BATCH),
            "400": {"description": "The request is wrong; `param` names the field."},
            "404": {"description": "The caller has no file with this id."},
            "422": {"description": "The idempotency key belongs to another batch."},
        },
    }
}
