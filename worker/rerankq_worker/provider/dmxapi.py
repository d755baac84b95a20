"""DMXAPI and its relatives (Jina, new-api).

Source: DMXAPI, "qwen3-reranker-8b API 文档": body model, query, documents, top_n; answer
results[{index, relevance_score, document}], usage. Some gateways of this family read a
missing top_n as 0, so it is always sent.
"""

from typing import Any

import orjson

from rerankq.contract import RerankRequest
from rerankq_worker.provider.dialect import checked_scores, token_count
from rerankq_worker.upstream import Answer, Malformed


class DmxapiDialect:
    """The dialect of the endpoint that this project is made for."""

    def encode(self, request: RerankRequest) -> bytes:
        """The body to post."""
        body: dict[str, Any] = {
            "model": request.model,
            "query": request.query,
            "documents": request.texts(),
            "top_n": request.wanted,
        }
        if request.instruction is not None:
            body["instruction"] = request.instruction
        return orjson.dumps(body)

    def decode(self, body: Any, request: RerankRequest, request_id: str | None) -> Answer:
        """Read an answer.

        Raises:
            Malformed: the answer is incomplete or contradicts itself.
        """
        try:
            rows = [(row["index"], row["relevance_score"]) for row in body["results"]]
        except (KeyError, TypeError):
            raise Malformed("the upstream answered without results") from None
        usage = body.get("usage") or {}
        if not isinstance(usage, dict):
            usage = {}
        return Answer(
            scores=checked_scores(rows, request),
            prompt_tokens=token_count(usage.get("prompt_tokens")),
            total_tokens=token_count(usage.get("total_tokens")),
            request_id=request_id,
        )
