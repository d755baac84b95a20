"""A model served by Hugging Face's Text Embeddings Inference.

Source: TEI, its OpenAPI and `router/src/main.rs`: POST /rerank with query, texts, raw_scores,
return_text, truncate; answer a bare array [{index, score, text}] of all texts, best first. A
server takes 32 texts and 2 MB a call unless it was started with other limits, and serves one
model, which no request names.
"""

from typing import Any, Final

import orjson

from rerankq.contract import RerankRequest
from rerankq_worker.provider.preflight import require_at_most, require_no_instruction
from rerankq_worker.provider.reading import read_scores
from rerankq_worker.upstream.port import Answer, TooLarge

MOST_TEXTS: Final = 32
MOST_BYTES: Final = 2_000_000
MOST_BYTES_A_CHARACTER: Final = 6
"""In JSON, where a control character is written as \\u0001."""
BYTES_AROUND: Final = 100, 3
"""For what stands around the texts, and around each: names, quotes and commas."""


class TeiDialect:
    """The dialect of a server of one's own, with the limits that it has when none are set.

    Args:
        max_client_batch_size: how many texts it takes, as it was told at its start.
        payload_limit: likewise how many bytes.
    """

    def __init__(
        self, *, max_client_batch_size: int = MOST_TEXTS, payload_limit: int = MOST_BYTES
    ) -> None:
        self._most_texts = max_client_batch_size
        self._most_bytes = payload_limit

    def check(self, request: RerankRequest, model: str) -> None:  # noqa: ARG002  see above
        """See `Dialect`."""
        require_at_most(self._most_texts, request, vendor="TEI")
        require_no_instruction(request, who="TEI")
        texts = request.texts()
        around, around_each = BYTES_AROUND
        most = MOST_BYTES_A_CHARACTER * (len(request.query) + sum(map(len, texts)))
        # Bytes are counted only where they may be too many: the request is written for that.
        if most + around + around_each * len(texts) > self._most_bytes:
            self._require_short(_body(request))

    def encode(self, request: RerankRequest, model: str) -> bytes:  # noqa: ARG002  see above
        """See `Dialect`."""
        require_at_most(self._most_texts, request, vendor="TEI")
        require_no_instruction(request, who="TEI")
        body = _body(request)
        self._require_short(body)
        return body

    def _require_short(self, body: bytes) -> None:
        if len(body) > self._most_bytes:
            raise TooLarge(
                f"{len(body):,} bytes are over the {self._most_bytes:,} that TEI takes in one "
                "call; send fewer or shorter documents"
            )

    def decode(self, body: Any, request: RerankRequest, request_id: str | None) -> Answer:
        """See `Dialect`."""
        scores = read_scores(body, request, field="score")
        return Answer(scores, prompt_tokens=0, total_tokens=0, request_id=request_id)


def _body(request: RerankRequest) -> bytes:
    return orjson.dumps({"query": request.query, "texts": request.texts()})
