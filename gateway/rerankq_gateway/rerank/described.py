"""The rerank routes as OpenAPI describes them."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

_DOCUMENT: Final = {"type": "object", "properties": {"text": {"type": "string"}}}
_DOCUMENTS: Final = {
    "type": "array",
    "minItems": 1,
    "items": {"anyOf": [{"type": "string"}, _DOCUMENT]},
}
_BESIDE: Final[dict[str, Any]] = {
    "model": {"type": ["string", "null"], "description": "RERANKQ_MODEL when absent."},
    "instruction": {"type": ["string", "null"]},
    "priority": {
        "type": ["integer", "null"],
        "description": "0, the default, is served at once; anything higher with bulk jobs.",
    },
    "on_failure": {
        "enum": ["error", "original_order", None],
        "description": "What to answer when no ranking comes in time.",
    },
    "timeout": {
        "type": ["number", "null"],
        "exclusiveMinimum": 0,
        "description": "Seconds to wait at most.",
    },
    "reuse": {
        "type": ["boolean", "null"],
        "description": "False: score all documents anew, use no known scores.",
    },
}
_RERANK: Final = {
    "type": "object",
    "required": ["query", "documents"],
    "properties": {
        "query": {"type": "string", "minLength": 1},
        "documents": _DOCUMENTS,
        "top_n": {
            "type": ["integer", "null"],
            "minimum": 0,
            "description": "How many of the best; 0 or null for all. `top_k` is the same.",
        },
        "return_documents": {"type": ["boolean", "null"]},
        "min_score": {
            "type": ["number", "null"],
            "minimum": 0,
            "maximum": 1,
            "description": "Leave out documents with a lower relevance_score.",
        },
        "raw_scores": {
            "type": ["boolean", "null"],
            "description": "Whether scores are logits in place of probabilities.",
        },
        "rank_fields": {"type": ["array", "null"], "items": {"type": "string"}},
        **_BESIDE,
    },
}
_SCORE: Final = {
    "type": "object",
    "required": ["queries", "documents"],
    "properties": {
        "queries": {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]},
        "documents": {
            "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]
        },
        **_BESIDE,
    },
}
_ASKED: Final = {"query": "cats", "documents": ["a dog", "a cat"], "top_n": 1}
_RANKED: Final = {
    "id": "0f0a2f9e-3d0b-4f0e-9a63-6a9a0a3b6d10",
    "object": "rerank",
    "model": "qwen3-reranker-8b",
    "results": [{"index": 1, "relevance_score": 0.98, "document": {"text": "a cat"}}],
    "usage": {"prompt_tokens": 12, "completion_tokens": 0, "total_tokens": 12},
    "meta": {
        "api_version": {"version": "1"},
        "billed_units": {"search_units": 1},
        "tokens": {"input_tokens": 12, "output_tokens": 0},
    },
}
_TO_SCORE: Final = {"queries": "cats", "documents": ["a dog", "a cat"]}
_SCORED: Final = {
    "id": "0f0a2f9e-3d0b-4f0e-9a63-6a9a0a3b6d10",
    "object": "list",
    "created": 1782000000,
    "model": "qwen3-reranker-8b",
    "data": [
        {"index": 0, "object": "score", "score": 0.11},
        {"index": 1, "object": "score", "score": 0.98},
    ],
    "usage": {"prompt_tokens": 12, "completion_tokens": 0, "total_tokens": 12},
}
_REFUSALS: Final = {
    "400": "The body is no JSON, or a header is wrong.",
    "401": "There is no token, or it is not known.",
    "403": "The token lacks the scope `submit`.",
    "404": "The upstream has no such model.",
    "413": "The body is too large.",
    "415": "The body is packed in a form that is not known, or is multipart.",
    "422": "A field is missing or wrong: `param` names it.",
    "429": "The call would wait longer than its time limit, because the upstream throttles, or a "
    "quota is used up.",
    "500": "A fault in rerankq.",
    "503": "The call would wait longer than its time limit for another reason, or the ledger does "
    "not answer.",
    "504": "No ranking came in time.",
}
_ANY: Final = {"application/json": {"schema": {"type": "object"}}}


def described_routes(paths: Iterable[str]) -> Mapping[str, Any]:
    """Path items by path."""
    items: dict[str, Any] = {}
    for path in paths:
        if path.endswith("/score"):
            items[path] = {"post": _operation("Score pairs of texts", _SCORE, _TO_SCORE, _SCORED)}
        else:
            items[path] = {"post": _operation("Rank documents", _RERANK, _ASKED, _RANKED)}
    items["/v1/check-api-key"] = {
        "post": {
            "summary": "Whether the token is known; old SDKs of Cohere ask",
            "tags": ["Rerank"],
            "responses": _responses({"valid": True}),
        }
    }
    items["/v1/models"] = {
        "get": {
            "summary": "The default model, in the forms of OpenAI and Cohere",
            "tags": ["Rerank"],
            "responses": _responses({"object": "list", "data": [{"id": "qwen3-reranker-8b"}]}),
        }
    }
    return items


def _operation(summary: str, schema: object, asked: object, answered: object) -> dict[str, Any]:
    return {
        "summary": summary,
        "description": "Unknown fields and nulls are ignored. Other forms are recognised by their "
        "fields: `texts` (TEI), `top_k` (Voyage), `text_1`, `data_1`, `queries` (vLLM).",
        "tags": ["Rerank"],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": schema, "example": asked}},
        },
        "responses": _responses(answered)
        | {status: {"description": said, "content": _ANY} for status, said in _REFUSALS.items()},
    }


def _responses(example: object) -> dict[str, Any]:
    content = {"schema": {"type": ["object", "array"]}, "example": example}
    return {"200": {"description": "The answer.", "content": {"application/json": content}}}
