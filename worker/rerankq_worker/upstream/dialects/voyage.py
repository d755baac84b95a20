"""Voyage AI.

Source: Voyage AI, "Rerankers": POST /v1/rerank with query, documents (1,000 at most), model,
top_k, return_documents (false when left out); answer data[{index, relevance_score, document}],
where a document is a plain string, and usage.total_tokens. Instructions are part of the query.
"""

from rerankq_worker.upstream.dialects.dialect import Dialect


class Voyage(Dialect):
    """The dialect of `api.voyageai.com/v1/rerank`."""

    vendor = "Voyage"
    most_documents = 1_000
    wanted = "top_k"
    results = ("data",)
