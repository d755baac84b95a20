"""Cohere, version 2 of its API.

Source: Cohere, "Rerank API (v2)": POST /v2/rerank with model, query, documents, top_n,
max_tokens_per_doc; answer results[{index, relevance_score}] without documents, id,
meta.billed_units.search_units. "Best Practices for using Rerank": at most 10,000 documents;
what is over max_tokens_per_doc (4,096 when left out) is cut off.
"""

from typing import Any, Final

import orjson

from rerankq.contract import RerankRequest
from rerankq_worker.provider.preflight import require_at_most, require_no_instruction
from rerankq_worker.provider.reading import count, member, read_scores, text
from rerankq_worker.upstream.port import Answer

MOST_DOCUMENTS: Final = 10_000


class CohereDialect:
    """The dialect of `api.cohere.com/v2/rerank`, which bills searches and may name no tokens.

    Args:
        max_tokens_per_doc: where a document is cut off; the vendor's own default when None.
    """

    def __init__(self, *, max_tokens_per_doc: int | None = None) -> None:
        self._max_tokens_per_doc = max_tokens_per_doc

    def check(self, request: RerankRequest, model: str) -> None:  # noqa: ARG002  for all the same
        """See `Dialect`."""
        require_at_most(MOST_DOCUMENTS, request, vendor="Cohere")
        require_no_instruction(request, who="Cohere")

    def encode(self, request: RerankRequest, model: str) -> bytes:
        """See `Dialect`."""
        self.check(request, model)
        body: dict[str, Any] = {
            "model": model,
            "query": request.query,
            "documents": request.texts(),
            "top_n": request.wanted,
        }
        if self._max_tokens_per_doc is not None:
            body["max_tokens_per_doc"] = self._max_tokens_per_doc
        return orjson.dumps(body)

    def decode(self, body: Any, request: RerankRequest, request_id: str | None) -> Answer:
        """See `Dialect`."""
        scores = read_scores(member(body, "results"), request)
        # Not `meta.billed_units`: a search unit is a query with up to 100 documents, and no number
        # of tokens. Counted as tokens, it would settle the account's tokens a minute at next to
        # nothing; where no tokens are named, our own estimate stands.
        tokens = count(member(body, "meta", "tokens", "input_tokens"))
        return Answer(
            scores=scores,
            prompt_tokens=tokens,
            total_tokens=tokens + count(member(body, "meta", "tokens", "output_tokens")),
            request_id=request_id or text(member(body, "id")),
        )
