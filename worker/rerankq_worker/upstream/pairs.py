"""A call whose documents are ranked for queries of their own, where a dialect has such calls."""

from collections.abc import Sequence
from typing import Any

from rerankq.contract import RerankRequest


class PairsRequest(RerankRequest):
    """Pairs of a query and a document; scores are told by the index of the pair.

    Only a dialect with `scores_pairs` can send it. `query` has all queries, each in a line: it is
    what the pairs are compared with where an answer may quote the request.

    Attributes:
        queries: the query of each document.
    """

    queries: tuple[str, ...]

    @classmethod
    def of(cls, request: RerankRequest, pairs: Sequence[tuple[str, str]]) -> "PairsRequest":
        """The same request for these pairs of query and document, with all scores."""
        queries, documents = zip(*pairs, strict=True)
        fields: dict[str, Any] = dict(request) | {
            "query": "\n".join(dict.fromkeys(queries)),
            "queries": queries,
            "documents": documents,
            "top_n": None,
        }
        # The texts were checked when their jobs were read, and together they may be longer.
        return cls.model_construct(**fields)
