"""SiliconFlow.

Source: SiliconFlow, "Create Rerank": POST /v1/rerank with model, query, documents, top_n,
return_documents (false when left out) and instruction, "only supported by Qwen/Qwen3-Reranker-*";
answer id, results[{index, relevance_score, document}]; usage in `tokens` on the international
site, in `meta.tokens` on the Chinese one.
"""

from typing import Any

import orjson

from rerankq.contract import RerankRequest
from rerankq_worker.provider.preflight import require_no_instruction
from rerankq_worker.provider.reading import count, member, read_scores, text
from rerankq_worker.upstream.port import Answer


class SiliconflowDialect:
    """The dialect of `api.siliconflow.cn/v1/rerank` and of its international site."""

    def check(self, request: RerankRequest, model: str) -> None:
        """See `Dialect`."""
        if "qwen3-reranker" not in model.lower():
            require_no_instruction(request, who=f"{model} at SiliconFlow")

    def encode(self, request: RerankRequest, model: str) -> bytes:
        """See `Dialect`."""
        self.check(request, model)
        body: dict[str, Any] = {
            "model": model,
            "query": request.query,
            "documents": request.texts(),
            "top_n": request.wanted,
        }
        if request.instruction is not None:
            body["instruction"] = request.instruction
        return orjson.dumps(body)

    def decode(self, body: Any, request: RerankRequest, request_id: str | None) -> Answer:
        """See `Dialect`."""
        scores = read_scores(member(body, "results"), request)
        usage = member(body, "meta", "tokens") or member(body, "tokens")
        tokens = count(member(usage, "input_tokens"))
        return Answer(
            scores=scores,
            prompt_tokens=tokens,
            total_tokens=tokens + count(member(usage, "output_tokens")),
            request_id=request_id or text(member(body, "id")),
        )
