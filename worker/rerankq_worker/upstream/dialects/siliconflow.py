"""SiliconFlow.

Source: SiliconFlow, "Create Rerank": POST /v1/rerank with model, query, documents, top_n,
return_documents (false when left out) and instruction, "only supported by Qwen/Qwen3-Reranker-*";
answer id, results[{index, relevance_score, document}]; usage in `tokens` on the international
site, in `meta.tokens` on the Chinese one.
"""

from typing import Any

from rerankq_worker.upstream.dialects.dialect import Dialect
from rerankq_worker.upstream.dialects.reading import member, read_and_written


class Siliconflow(Dialect):
    """The dialect of `api.siliconflow.cn/v1/rerank` and of its international site."""

    vendor = "SiliconFlow"

    def takes_instruction(self, model: str) -> bool:
        """See `Dialect`."""
        return "qwen3-reranker" in model.lower()

    def usage(self, body: Any) -> tuple[int, int]:
        """See `Dialect`."""
        return read_and_written(member(body, "meta", "tokens") or member(body, "tokens"))
