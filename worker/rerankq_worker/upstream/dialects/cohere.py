"""Cohere, version 2 of its API.

Source: Cohere, "Rerank API (v2)": POST /v2/rerank with model, query, documents, top_n,
max_tokens_per_doc; answer results[{index, relevance_score}] without documents, id,
meta.billed_units.search_units. "Best Practices for using Rerank": at most 10,000 documents;
a document is cut off after max_tokens_per_doc tokens (4,096 if left out).
"""

from typing import Any

from rerankq_worker.upstream.dialects.dialect import Dialect
from rerankq_worker.upstream.dialects.reading import member, read_and_written


class Cohere(Dialect):
    """The dialect of `api.cohere.com/v2/rerank`, which bills searches and may report no tokens.

    Its option `max_tokens_per_doc` sets where a document is cut off.
    """

    vendor = "Cohere"
    most_documents = 10_000
    known_options = {"max_tokens_per_doc": ()}  # noqa: RUF012  see `Dialect`

    def usage(self, body: Any) -> tuple[int, int]:
        """See `Dialect`."""
        # Not `meta.billed_units`: a search unit is a query with up to 100 documents, not a number
        # of tokens. Counted as tokens it would make calls look almost free; if no tokens are
        # reported, this project's own estimate is used.
        return read_and_written(member(body, "meta", "tokens"))
