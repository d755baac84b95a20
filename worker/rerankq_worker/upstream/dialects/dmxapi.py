"""DMXAPI and its relatives, the gateways of the new-api family.

Source: DMXAPI, "qwen3-reranker-8b API 文档": body model, query, documents, top_n; answer
results[{index, relevance_score, document}], usage. Some gateways of this family read a
missing top_n as 0, so it is always sent.
"""

from rerankq_worker.upstream.dialects.dialect import Dialect


class Dmxapi(Dialect):
    """The dialect of DMXAPI, the default; no limits are documented."""

    vendor = "DMXAPI"
    auth_prefix = ""

    def takes_instruction(self, model: str) -> bool:  # noqa: ARG002  any may
        """See `Dialect`."""
        return True
