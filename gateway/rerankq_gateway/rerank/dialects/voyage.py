"""Voyage's form: a list in `data`, with the documents as plain texts."""

from collections.abc import Sequence
from typing import Any

from rerankq_gateway.rerank.dialects.call import Call
from rerankq_gateway.rerank.dialects.ranking import Ranking
from rerankq_gateway.rerank.dialects.superset import Superset


class Voyage(Superset):
    """The rows are under `data`, and under `results` for other clients that say `top_k`."""

    returns_documents = False

    def write(self, call: Call, rankings: Sequence[Ranking]) -> Any:
        """See `Dialect`."""
        answer = super().write(call, rankings)
        return answer | {"object": "list", "data": answer["results"]}

    def document(self, call: Call, index: int) -> Any:
        """The text alone."""
        return call.questions[0].texts[index]
