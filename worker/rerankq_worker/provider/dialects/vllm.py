"""A model served by vLLM.

Source: vLLM, "Re-rank API" and `RerankRequest`: POST /rerank, /v1/rerank or /v2/rerank with
model, query, documents, top_n (0, when left out, is all), truncate_prompt_tokens; answer id,
model, usage.total_tokens, results[{index, document, relevance_score}]. Nothing is cut off unless
that was asked for: what is over the model's context is answered with 400, and the job says so.
"""

from typing import Any

import orjson

from rerankq.contract import RerankRequest
from rerankq_worker.provider.preflight import require_no_instruction
from rerankq_worker.provider.reading import count, member, read_scores, text
from rerankq_worker.upstream.port import Answer


class VllmDialect:
    """The dialect of a server of one's own; its key, if any, is what `--api-key` says.

    Args:
        truncate_prompt_tokens: where query and document together are cut off; -1 is the model's
            own limit. Nothing is cut off when None.
    """

    def __init__(self, *, truncate_prompt_tokens: int | None = None) -> None:
        self._truncate_prompt_tokens = truncate_prompt_tokens

    def check(self, request: RerankRequest, model: str) -> None:  # noqa: ARG002  for all the same
        """See `Dialect`."""
        require_no_instruction(request, who="vLLM")

    def encode(self, request: RerankRequest, model: str) -> bytes:
        """See `Dialect`."""
        self.check(request, model)
        body: dict[str, Any] = {
            "model": model,
            "query": request.query,
            "documents": request.texts(),
            "top_n": request.wanted,
        }
        if self._truncate_prompt_tokens is not None:
            body["truncate_prompt_tokens"] = self._truncate_prompt_tokens
        return orjson.dumps(body)

    def decode(self, body: Any, request: RerankRequest, request_id: str | None) -> Answer:
        """See `Dialect`."""
        scores = read_scores(member(body, "results"), request)
        tokens = count(member(body, "usage", "total_tokens"))
        return Answer(
            scores=scores,
            # Older versions give the total alone; a reranker reads all its tokens.
            prompt_tokens=count(member(body, "usage", "prompt_tokens")) or tokens,
            total_tokens=tokens,
            request_id=request_id or text(member(body, "id")),
        )
