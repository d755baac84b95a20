"""A model served by vLLM, asked by its scores of pairs.

Source: vLLM, "Score API" and `ScoreRequest`: POST /score or /v1/score with model, text_1, text_2,
truncate_prompt_tokens. Either text may be a list: one text is paired with each of a list, and two
lists of equal length pair by pair. Answer id, model, usage{prompt_tokens, total_tokens},
data[{index, object, score}] in the order of the pairs; there is always one for each.
"""

from typing import Any

from rerankq.contract import RerankRequest
from rerankq_worker.upstream.dialects.vllm import Vllm
from rerankq_worker.upstream.pairs import PairsRequest


class VllmScore(Vllm):
    """The dialect of vLLM's `/score`, which takes pairs of different queries in one call."""

    known_as = "vllm-score"
    scores_pairs = True
    results = ("data",)
    score = "score"

    def body(self, request: RerankRequest, model: str) -> dict[str, Any]:
        """See `Dialect`."""
        first = list(request.queries) if isinstance(request, PairsRequest) else request.query
        return {"model": model, "text_1": first, "text_2": request.texts(), **self.options}
