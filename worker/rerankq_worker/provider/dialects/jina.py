"""Jina AI.

Source: Jina AI, "Reranker API": POST /v1/rerank with model, query, documents, top_n and
return_documents (true when left out); answer model, usage.total_tokens, results[{index,
relevance_score, document}]. Its models take no instruction.
"""

from typing import Any

import orjson

from rerankq.contract import RerankRequest
from rerankq_worker.provider.preflight import require_no_instruction
from rerankq_worker.provider.reading import count, member, read_scores
from rerankq_worker.upstream.port import Answer


class JinaDialect:
    """The dialect of `api.jina.ai/v1/rerank`, which the gateways of the new-api family took up."""

    def check(self, request: RerankRequest, model: str) -> None:  # noqa: ARG002  for all the same
        """See `Dialect`."""
        require_no_instruction(request, who="Jina")

    def encode(self, request: RerankRequest, model: str) -> bytes:
        """See `Dialect`."""
        self.check(request, model)
        return orjson.dumps(
            {
                "model": model,
                "query": request.query,
                "documents": request.texts(),
                "top_n": request.wanted,
                "return_documents": False,
            }
        )

    def decode(self, body: Any, request: RerankRequest, request_id: str | None) -> Answer:
        """See `Dialect`."""
        scores = read_scores(member(body, "results"), request)
        # A reranker reads all its tokens and writes none.
        tokens = count(member(body, "usage", "total_tokens"))
        return Answer(scores, prompt_tokens=tokens, total_tokens=tokens, request_id=request_id)
