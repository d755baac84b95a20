"""What a shared call asks of the documents of its jobs, and each job's part of the answer."""

from collections.abc import Sequence
from dataclasses import dataclass

from rerankq.contract import RerankRequest
from rerankq_worker.jobs.sent_request import SentRequest
from rerankq_worker.upstream.call_limits import CallLimits
from rerankq_worker.upstream.pairs import PairsRequest
from rerankq_worker.upstream.port import Answer, best_first


@dataclass(frozen=True, slots=True)
class SharedRequest:
    """One request for several jobs: each different pair of query and document is in it once.

    Attributes:
        request: what the call asks; a `PairsRequest` if the jobs have different queries.
        places: of each job, the indexes of its documents in the request.
    """

    request: RerankRequest
    places: Sequence[Sequence[int]]

    @classmethod
    def of(cls, jobs: Sequence[SentRequest]) -> "SharedRequest":
        """The request for what is sent of some jobs.

        Pairs of one query stand together, so that the server can use again what it has read.
        """
        asked = [each.request for each in jobs]
        by_query: dict[str, dict[str, int]] = {}
        for each in asked:
            texts = by_query.setdefault(each.query, {})
            texts.update(dict.fromkeys(each.texts(), 0))
        pairs = [(query, text) for query, texts in by_query.items() for text in texts]
        for place, (query, text) in enumerate(pairs):
            by_query[query][text] = place
        places = [[by_query[each.query][text] for text in each.texts()] for each in asked]
        return cls(_request_of(asked[0], by_query, pairs), places)

    def is_within(self, limits: CallLimits) -> bool:
        """Whether one call may have all of it."""
        request = self.request
        if isinstance(request, PairsRequest):
            request = request.as_documents()
        return limits.hold(request)


def _request_of(
    first: RerankRequest, queries: dict[str, dict[str, int]], pairs: Sequence[tuple[str, str]]
) -> RerankRequest:
    if len(queries) > 1:
        return PairsRequest.of(first, pairs)
    return first.model_copy(update={"documents": tuple(text for _, text in pairs), "top_n": None})


def part_of(answer: Answer, places: Sequence[int]) -> Answer:
    """A job's scores, and its share of the tokens, by its share of the call's documents."""
    by_index = {score.index: score for score in answer.scores}
    scores = [by_index[place]._replace(index=index) for index, place in enumerate(places)]
    share = len(scores) / max(1, len(answer.scores))
    return answer._replace(
        scores=sorted(scores, key=best_first),
        prompt_tokens=min(answer.prompt_tokens, round(answer.prompt_tokens * share)),
        total_tokens=min(answer.total_tokens, round(answer.total_tokens * share)),
    )
