"""Jina AI.

Source: Jina AI, "Reranker API": POST /v1/rerank with model, query, documents, top_n and
return_documents (true when left out); answer model, usage.total_tokens, results[{index,
relevance_score, document}]. Its models take no instruction.
"""

from typing import Any

from rerankq.contract import RerankRequest
from rerankq_worker.upstream.dialects.dialect import Dialect


class Jina(Dialect):
    """The dialect of `api.jina.ai/v1/rerank`, which the gateways of the new-api family adopted."""

    vendor = "Jina"

    def body(self, request: RerankRequest, model: str) -> dict[str, Any]:
        """See `Dialect`."""
        return super().body(request, model) | {"return_documents": False}
