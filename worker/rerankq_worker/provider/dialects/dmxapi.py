"""DMXAPI and its relatives, the gateways of the new-api family.

Source: DMXAPI, "qwen3-reranker-8b API 文档": body model, query, documents, top_n; answer
results[{index, relevance_score, document}], usage. Some gateways of this family read a
missing top_n as 0, so it is always sent.
"""

from typing import Any

import orjson

from rerankq.contract import RerankRequest
from rerankq_worker.provider.reading import count, member, read_scores
from rerankq_worker.upstream.port import Answer


class DmxapiDialect:
    """The dialect of the endpoint that this project is made for."""

    def check(self, request: RerankRequest, model: str) -> None:
        """See `Dialect`: no limits are documented."""

    def encode(self, request: RerankRequest, model: str) -> bytes:
        """See `Dialect`."""
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
        return Answer(
            scores=read_scores(member(body, "results"), request),
            prompt_tokens=count(member(body, "usage", "prompt_tokens")),
            total_tokens=count(member(body, "usage", "total_tokens")),
            request_id=request_id,
        )
