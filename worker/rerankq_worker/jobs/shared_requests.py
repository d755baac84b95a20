"""What a shared call asks, how much it may have, and each job's part of the answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

import orjson

from rerankq.contract import RerankRequest
from rerankq_worker.jobs.sent_request import SentRequest
from rerankq_worker.upstream.call_limits import (
    CallLimits,
    bytes_before,
    bytes_each,
    tokens_each,
)
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


def _request_of(
    first: RerankRequest, queries: dict[str, dict[str, int]], pairs: Sequence[tuple[str, str]]
) -> RerankRequest:
    if len(queries) > 1:
        return PairsRequest.of(first, pairs)
    return first.model_copy(update={"documents": tuple(text for _, text in pairs), "top_n": None})


def part_of(answer: Answer, places: Sequence[int], asked: int) -> Answer:
    """A job's scores, and its share of the tokens: all shares together are those of the call.

    Args:
        answer: of the call.
        places: of the job's documents in the call.
        asked: how many documents all its jobs have, those that several have counted for each.
    """
    by_index = {score.index: score for score in answer.scores}
    scores = [by_index[place]._replace(index=index) for index, place in enumerate(places)]
    share = len(scores) / max(1, asked)
    return answer._replace(
        scores=sorted(scores, key=best_first),
        prompt_tokens=min(answer.prompt_tokens, round(answer.prompt_tokens * share)),
        total_tokens=min(answer.total_tokens, round(answer.total_tokens * share)),
    )


class CallRoom:
    """How much a shared call may still have. Each job is looked at once, as very many may wait.

    Args:
        limits: of the call.
        in_pairs: whether the query may be sent with each document.
    """

    def __init__(self, limits: CallLimits, *, in_pairs: bool) -> None:
        self._limits = limits
        self._in_pairs = in_pairs
        self._pairs: set[tuple[str, str]] = set()
        self._tokens = 0.0
        self._bytes = 0

    def take(self, request: RerankRequest) -> bool:
        """Take what is sent of a job into the call; False, and nothing is taken, if it is full."""
        limits, query = self._limits, request.query
        places = {(query, text): place for place, text in enumerate(request.texts())}
        new = [place for pair, place in places.items() if pair not in self._pairs]
        if limits.documents is not None and len(self._pairs) + len(new) > limits.documents:
            return False
        tokens, size = self._tokens, self._bytes or bytes_before(request)
        if limits.tokens is not None:
            each = tokens_each(request)
            tokens += sum(each[place] for place in new)
        if limits.bytes is not None:
            lengths, before = bytes_each(request), 0
            if self._in_pairs:
                before = len(orjson.dumps(query)) + 1
            size += sum(before + lengths[place] for place in new)
        if tokens > (limits.tokens or inf) or size > (limits.bytes or inf):
            return False
        self._pairs.update(places)
        self._tokens, self._bytes = tokens, size
        return True
