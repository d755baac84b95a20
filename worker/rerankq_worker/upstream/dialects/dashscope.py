"""DashScope, Alibaba Cloud's own API (百炼).

Source: Alibaba Cloud Model Studio, "文本排序": POST
/api/v1/services/rerank/text-rerank/text-rerank with model, input{query, documents},
parameters{top_n, return_documents (false when left out), instruct}; answer request_id,
output.results[{index, relevance_score, document}], usage.total_tokens. 500 documents a call; a
query or document is cut off after 4,000 tokens. Only qwen3-rerank takes `instruct`.
"""

from typing import Any

from rerankq.contract import RerankRequest
from rerankq_worker.upstream.dialects.dialect import Dialect


class Dashscope(Dialect):
    """The dialect of `dashscope.aliyuncs.com` and of its international site."""

    vendor = "DashScope"
    most_documents = 500
    results = ("output", "results")
    request_id = "request_id"

    def takes_instruction(self, model: str) -> bool:
        """See `Dialect`."""
        return model.startswith("qwen3-")

    def body(self, request: RerankRequest, model: str) -> dict[str, Any]:
        """See `Dialect`."""
        parameters: dict[str, Any] = {"top_n": request.wanted}
        if request.instruction is not None:
            parameters["instruct"] = request.instruction
        asked = {"query": request.query, "documents": request.texts()}
        return {"model": model, "input": asked, "parameters": parameters}
