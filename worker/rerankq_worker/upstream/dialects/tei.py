"""A model served by Hugging Face's Text Embeddings Inference.

Source: TEI, its OpenAPI and `router/src/main.rs`: POST /rerank with query, texts, raw_scores,
return_text, truncate; answer a bare array [{index, score, text}] of all texts, best first. A
server takes 32 texts and 2 MB a call unless it was started with other limits. It serves one model,
so requests name none.
"""

from typing import Any, Final

from rerankq.contract import RerankRequest
from rerankq_worker.upstream.call_limits import CallLimits
from rerankq_worker.upstream.dialects.dialect import Dialect
from rerankq_worker.upstream.errors import TooLarge

MOST_TEXTS: Final = 32
MOST_BYTES: Final = 2_000_000
MOST_BYTES_A_CHARACTER: Final = 6
"""In JSON, which writes a control character as \\u0001."""
BYTES_AROUND: Final = 100, 3
"""Bytes of JSON around all texts, and around each text: names, quotes and commas."""


class Tei(Dialect):
    """The dialect of a TEI server that users run themselves.

    Its options are the server's own start options `--max-client-batch-size` and `--payload-limit`:
    how many texts and how many bytes it takes. Unset, they are the server's defaults.
    """

    vendor = "TEI"
    is_own_server = True
    known_options = {"max_client_batch_size": (), "payload_limit": ()}  # noqa: RUF012  see `Dialect`
    results = ()
    score = "score"

    def check(self, request: RerankRequest, model: str) -> None:
        """See `Dialect`."""
        super().check(request, model)
        self.require_at_most(self.options.get("max_client_batch_size", MOST_TEXTS), request)
        most = self.options.get("payload_limit", MOST_BYTES)
        texts = request.texts()
        around, around_each = BYTES_AROUND
        longest = MOST_BYTES_A_CHARACTER * (len(request.query) + sum(map(len, texts)))
        # Exact counting needs the encoded request, so it is done only if there may be too many.
        if longest + around + around_each * len(texts) <= most:
            return
        size = len(self.encode(request, model))
        if size > most:
            raise TooLarge(
                f"{size:,} bytes are over the {most:,} that TEI takes in one call; send fewer or "
                "shorter documents"
            )

    def call_limits(self) -> CallLimits:
        """See `Dialect`."""
        return CallLimits(
            documents=self.options.get("max_client_batch_size", MOST_TEXTS),
            bytes=self.options.get("payload_limit", MOST_BYTES),
        )

    def body(self, request: RerankRequest, model: str) -> dict[str, Any]:  # noqa: ARG002  it has one
        """See `Dialect`."""
        return {"query": request.query, "texts": request.texts()}
