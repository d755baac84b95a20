"""DashScope, Alibaba Cloud's own API (百炼).

Source: Alibaba Cloud Model Studio, "文本排序": POST
/api/v1/services/rerank/text-rerank/text-rerank with model, input{query, documents},
parameters{top_n, return_documents (false when left out), instruct}; answer request_id,
output.results[{index, relevance_score, document}], usage.total_tokens. 500 documents a call;
what is over 4,000 tokens in a query or a document is cut off. `instruct` belongs to qwen3-rerank.
"""

from typing import Any, Final

import orjson

from rerankq.contract import RerankRequest
from rerankq_worker.provider.preflight import require_at_most, require_no_instruction
from rerankq_worker.provider.reading import count, member, read_scores, text
from rerankq_worker.upstream.port import Answer

MOST_DOCUMENTS: Final = 500


class DashscopeDialect:
    """The dialect of `dashscope.aliyuncs.com` and of its international site."""

    def check(self, request: RerankRequest, model: str) -> None:
        """See `Dialect`."""
        require_at_most(MOST_DOCUMENTS, request, vendor="DashScope")
        if not model.startswith("qwen3-"):
            require_no_instruction(request, who=f"{model} at DashScope")

    def encode(self, request: RerankRequest, model: str) -> bytes:
        """See `Dialect`."""
        self.check(request, model)
        parameters: dict[str, Any] = {"top_n": request.wanted}
        if request.instruction is not None:
            parameters["instruct"] = request.instruction
        return orjson.dumps(
            {
                "model": model,
                "input": {"query": request.query, "documents": request.texts()},
                "parameters": parameters,
            }
        )

    def decode(self, body: Any, request: RerankRequest, request_id: str | None) -> Answer:
        """See `Dialect`."""
        scores = read_scores(member(body, "output", "results"), request)
        # A reranker reads all its tokens and writes none.
        tokens = count(member(body, "usage", "total_tokens"))
        return Answer(
            scores=scores,
            prompt_tokens=tokens,
            total_tokens=tokens,
            request_id=request_id or text(member(body, "request_id")),
        )
