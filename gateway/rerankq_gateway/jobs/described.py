"""The routes of jobs as OpenAPI describes them."""

from typing import Any, Final

from rerankq.contract import (
    MAX_DOCUMENT_CHARACTERS,
    MAX_DOCUMENTS,
    MAX_QUERY_CHARACTERS,
    Job,
    JobStatus,
    Lane,
    RerankRequest,
)
from rerankq_gateway.errors.described import CONTENT, ERROR

_SEEN: Final[dict[int, str]] = {
    400: "A header is wrong.",
    401: "There is no token, or it is not known.",
    403: "The token lacks the scope.",
    404: "No job has this id.",
    409: "The job was cancelled, or has not ended where an end is needed.",
    410: "The job ended, but its result is past its retention.",
    413: "The body is too large.",
    415: "The body is packed in a form that is not known, or is multipart.",
    422: "The request breaks the contract, or its idempotency key belongs to another one.",
    429: "A quota is used up, or the upstream throttled the job for too long.",
    500: "A fault in rerankq.",
    503: "The ledger does not answer, the lane is full, or the gateway is about to end.",
    504: "The job's deadline passed.",
}
REFUSALS: Final[dict[int | str, dict[str, Any]]] = {
    status: {"description": said, "content": CONTENT} for status, said in _SEEN.items()
}
"""For FastAPI; the keys are numbers."""

_ASKED: Final = {"query": "cats", "documents": ["a dog", "a cat"], "top_n": 1, "lane": "bulk"}
_STATUS: Final = {
    "id": "0f0a2f9e-3d0b-4f0e-9a63-6a9a0a3b6d10",
    "state": "queued",
    "lane": "bulk",
    "attempts": 0,
    "submitted_at": 1782000000.0,
}


def _schema(model: type[Any]) -> dict[str, Any]:
    schema: dict[str, Any] = model.model_json_schema(ref_template="#/components/schemas/{model}")
    schema.pop("$defs", None)
    return schema


def _header(name: str, description: str, **schema: Any) -> dict[str, Any]:
    kind = {"type": "string", **schema}
    return {"name": name, "in": "header", "description": description, "schema": kind}


_KEY: Final = {"minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"}
_NOT_BLANK: Final = {"type": "string", "minLength": 1, "pattern": r"\S"}
_OF_A_JOB: Final = (
    *("custom_id", "metadata", "deadline_seconds", "not_before", "idempotency_key"),
)


def _answer(description: str) -> dict[str, Any]:
    content = {"application/json": {"schema": _schema(JobStatus), "example": _STATUS}}
    return {"description": description, "content": content}


_BODY: Final = {
    "type": "object",
    "required": ["query", "documents"],
    "properties": {
        **_schema(RerankRequest)["properties"],
        "query": {**_NOT_BLANK, "maxLength": MAX_QUERY_CHARACTERS},
        "documents": {
            "type": "array",
            "minItems": 1,
            "maxItems": MAX_DOCUMENTS,
            "items": {
                "anyOf": [
                    {**_NOT_BLANK, "maxLength": MAX_DOCUMENT_CHARACTERS},
                    {
                        "type": "object",
                        "required": ["text"],
                        "properties": {
                            "id": {"type": "string", "maxLength": 512},
                            "text": {**_NOT_BLANK, "maxLength": MAX_DOCUMENT_CHARACTERS},
                        },
                    },
                ]
            },
        },
        "lane": {"enum": [each.value for each in Lane], "default": Lane.BULK.value},
        **{name: each for name, each in _schema(Job)["properties"].items() if name in _OF_A_JOB},
    },
}

SUBMITTING: Final[dict[str, Any]] = {
    "post": {
        "summary": "Hand in a job",
        "description": "When this answers, the job is recorded and is not lost.",
        "tags": ["Jobs"],
        "parameters": [
            _header("Idempotency-Key", "The same key and request give the same job again.", **_KEY),
            _header("Prefer", "`respond-async`, or `wait=10` to wait for the job's end."),
            {
                "name": "wait",
                "in": "query",
                "description": "Seconds to wait for the job's end, in place of `Prefer`.",
                "schema": {"type": "number", "minimum": 0, "maximum": 300},
            },
        ],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": _BODY, "example": _ASKED}},
        },
        "responses": {
            "200": _answer("The job has ended while you waited, or the key belongs to this job."),
            "201": _answer("The job is recorded."),
            "202": _answer("The job is recorded and goes on: ask again at `Location`."),
            **{str(status): said for status, said in REFUSALS.items()},
        },
    }
}

_LINES: Final = (
    '{"custom_id": "a", "query": "cats", "documents": ["a dog", "a cat"]}\n'
    '{"custom_id": "b", "query": "dogs", "documents": ["a dog", "a cat"]}\n'
)
_BAD: Final = {"line": 2, "field": "documents", "reason": "is required", "code": "invalid_request"}
_ERRORS: Final = {
    "type": "array",
    "description": "The first 100 lines that are no jobs.",
    "items": {
        "type": "object",
        "properties": {
            "line": {"type": "integer"},
            "field": {"type": "string"},
            "reason": {"type": "string"},
            "code": {"type": "string"},
            "custom_id": {"type": ["string", "null"]},
        },
    },
}
_TAKEN: Final = {
    "type": "object",
    "required": ["batch", "accepted", "rejected", "errors"],
    "properties": {
        "batch": {"type": "string"},
        "accepted": {"type": "integer"},
        "rejected": {"type": "integer"},
        "errors": _ERRORS,
    },
}
_REFUSED_LINES: Final = {
    **ERROR,
    "properties": {**ERROR["properties"], "errors": _ERRORS, "rejected": {"type": "integer"}},
}


def _option(name: str, description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": description, "schema": schema}


BULK: Final[dict[str, Any]] = {
    "post": {
        "summary": "Hand in many jobs as a batch",
        "description": "A job a line (JSONL), or a JSON array. All lines are checked before the "
        "first is submitted. A repeat with the same Idempotency-Key goes on where a try broke off.",
        "tags": ["Jobs"],
        "parameters": [
            _header("Idempotency-Key", "The same key and body give the same batch again.", **_KEY),
            _option(
                "partial",
                "Whether good lines are submitted when others are no jobs.",
                {"type": "boolean", "default": False},
            ),
            _option("lane", "For lines that name none.", {"enum": [each.value for each in Lane]}),
            _option(
                "deadline",
                "Seconds until all jobs must have ended.",
                {"type": "number", "exclusiveMinimum": 0},
            ),
        ],
        "requestBody": {
            "required": True,
            "content": {
                "application/x-ndjson": {"schema": {"type": "string"}, "example": _LINES},
                "application/json": {
                    "schema": {"type": "array", "minItems": 1, "items": _BODY},
                    "example": [_ASKED],
                },
            },
        },
        "responses": {
            "202": {
                "description": "All jobs are recorded.",
                "content": {
                    "application/json": {
                        "schema": _TAKEN,
                        "example": {"batch": "batch-1", "accepted": 2, "rejected": 0, "errors": []},
                    }
                },
            },
            **{str(status): said for status, said in REFUSALS.items()},
            "409": {
                "description": "An upload with this key is under way.",
                "content": CONTENT,
            },
            "422": {
                "description": "Lines are no jobs, and nothing was submitted.",
                "content": {
                    "application/json": {
                        "schema": _REFUSED_LINES,
                        "example": {"errors": [_BAD], "rejected": 1},
                    }
                },
            },
            "507": {"description": "The disk has no room for the upload.", "content": CONTENT},
        },
    }
}
