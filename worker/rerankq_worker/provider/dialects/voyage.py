"""Voyage AI.

Source: Voyage AI, "Rerankers": POST /v1/rerank with query, documents (1,000 at most), model,
top_k, return_documents (false when left out); answer data[{index, relevance_score, document}],
where a document is a plain string, and usage.total_tokens. Its models take instructions as a
part of the query.
"""

from typing import Any, Final

import orjson

from rerankq.contract import RerankRequest
from rerankq_worker.provider.preflight import require_at_most, require_no_instruction
from rerankq_worker.provider.reading import count, member, read_scores
from rerankq_worker.upstream.port import Answer

MOST_DOCUMENTS: Final = 1_000


class VoyageDialect:
    """The dialect of `api.voyageai.com/v1/rerank`."""

    def check(self, request: RerankRequest, model: str) -> None:  # noqa: ARG002  for all the same
        """See `Dialect`."""
        require_at_most(MOST_DOCUMENTS, request, vendor="Voyage")
        require_no_instruction(request, who="Voyage")

    def encode(self, request: RerankRequest, model: str) -> bytes:
        """See `Dialect`."""
        self.check(request, model)
        return orjson.dumps(
            {
                "model": model,
                "query": request.query,
                "documents": request.texts(),
                "top_k": request.wanted,
            }
        )

    def decode(self, body: Any, request: RerankRequest, request_id: str | None) -> Answer:
        """See `Dialect`."""
        scores = read_scores(member(body, "data"), request)
        # A reranker reads all its tokens and writes none.
        tokens = count(member(body, "usage", "total_tokens"))
        return Answer(scores, prompt_tokens=tokens, total_tokens=tokens, request_id=request_id)
