"""Request and answer of `POST /v1/rerank`, as the vendor's document shows them."""

from collections.abc import Sequence
from typing import Annotated, Any

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rerankq_worker.sandbox.errors import GatewayError

RERANK_PATH = "/v1/rerank"

# The vendor reports no usage: every figure is 0, and the details are empty objects.
_USAGE = {
    "prompt_tokens": 0,
    "completion_tokens": 0,
    "total_tokens": 0,
    "prompt_tokens_details": {"cached_tokens_details": {}},
    "completion_tokens_details": {},
}

Text = Annotated[str, Field(min_length=1)]


class TextDocument(BaseModel):
    """A document in its object form."""

    model_config = ConfigDict(frozen=True, strict=True)

    text: str


class RerankRequest(BaseModel):
    """One rerank call. Unknown fields are ignored, as gateways ignore them."""

    model_config = ConfigDict(frozen=True, strict=True)

    model: Text
    query: Text
    documents: Annotated[tuple[str | TextDocument, ...], Field(min_length=1)]
    top_n: Annotated[int, Field(ge=1)] | None = None
    return_documents: bool | None = True

    @property
    def texts(self) -> list[str]:
        """The documents' texts in the order of the call."""
        return [item if isinstance(item, str) else item.text for item in self.documents]


def read_request(body: bytes) -> RerankRequest:
    """Decode a request body.

    Raises:
        GatewayError: 400, naming the first field at fault but never its content.
    """
    try:
        return RerankRequest.model_validate_json(body)
    except ValidationError as error:
        raise GatewayError(400, _reason(error), "invalid_request") from None


def _reason(error: ValidationError) -> str:
    # Only location and rule: the error's input would carry the user's text into the answer.
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    if first["type"] == "json_invalid":
        return "the body is not valid JSON"
    if not first["loc"]:
        return "the body is not a JSON object"
    return f"{'.'.join(str(part) for part in first['loc'][:2])}: {first['msg']}"


def build_answer(request: RerankRequest, scores: Sequence[float]) -> dict[str, Any]:
    """The answer to a call: best score first, and among equals the earlier document.

    Args:
        request: The call.
        scores: One score a document, in the order of the documents.

    Returns:
        `results` with at most `top_n` entries, and `usage` with every figure 0.
    """
    texts = request.texts
    best = sorted(range(len(texts)), key=lambda index: -scores[index])[: request.top_n]
    plain = request.return_documents is False
    return {
        "results": [
            {"index": index, "relevance_score": scores[index]}
            if plain
            else {
                "document": {"text": texts[index]},
                "index": index,
                "relevance_score": scores[index],
            }
            for index in best
        ],
        "usage": _USAGE,
    }


def encode(answer: dict[str, Any]) -> bytes:
    """The answer as the bytes that go on the wire."""
    return orjson.dumps(answer)
