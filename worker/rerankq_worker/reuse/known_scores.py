"""What is known of the pairs of one request, and what a call has to add."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from rerankq.contract import RerankRequest
from rerankq.score_cache.stored_score import UNKNOWN, entries, score_of
from rerankq_worker.reuse.lookups import Stored
from rerankq_worker.upstream.port import Answer, Score, best_first
from rerankq_worker.upstream.score_scale import ScoreScale, on_one_scale

_NONE: Final[frozenset[int]] = frozenset()


@dataclass(slots=True)
class KnownScores:
    """The scores of a request's documents that one source gave before.

    Attributes:
        site: the site by which they are known here.
        stored: what Redis has.
        scale: what the source's scores are.
        scores: of each document as the site gave it; None where it is not known.
    """

    site: str
    stored: Stored
    scale: ScoreScale | None
    scores: list[float | None] = field(init=False)

    def __post_init__(self) -> None:
        keys, found, epoch = self.stored.keys, self.stored.scores, self.stored.epoch
        if found.count(UNKNOWN) == len(found):
            self.scores = [None] * len(keys)
        else:
            self.scores = [score_of(*pair, epoch) for pair in zip(keys, found, strict=True)]

    @property
    def is_whole(self) -> bool:
        """Whether no call is needed."""
        return None not in self.scores

    @property
    def knows_any(self) -> bool:
        """Whether the score of any document is known."""
        return self.scores.count(None) < len(self.scores)

    def missing_keys(self) -> list[bytes]:
        """The keys of the pairs that are not known."""
        keys = self.stored.keys
        if self.scores.count(None) == len(keys):
            return keys
        return [keys[at] for at in self._missing()]

    def add(self, scores: Mapping[bytes, float]) -> None:
        """Take over scores, by the keys of their pairs, that another job got meanwhile."""
        for at in list(self._missing()) if scores else ():
            self.scores[at] = scores.get(self.stored.keys[at])

    def rest(self, request: RerankRequest) -> RerankRequest:
        """The request for all documents that are not known; at least one is not.

        It asks for all their scores, also when the job wants the best only: each is worth keeping.
        """
        documents = request.documents
        if self.scores.count(None) < len(documents):
            documents = tuple(documents[at] for at in self._missing())
        elif request.wanted == len(documents):
            return request
        return request.model_copy(update={"documents": documents, "top_n": None})

    def known(self, request: RerankRequest) -> RerankRequest | None:
        """The request for the documents that are known; None if none is."""
        if self.scores.count(None) == len(self.scores):
            return None
        at = [at for at, score in enumerate(self.scores) if score is not None]
        return request.model_copy(update={"documents": tuple(request.documents[n] for n in at)})

    def whole(self, answer: Answer) -> Answer:
        """The answer for all documents, from that for the rest.

        Args:
            answer: to `rest`.
        """
        if self.scores.count(None) == len(self.scores):
            return answer._replace(reused=_NONE)
        missing = list(self._missing())
        known = self._answer_of_known(answer)
        asked = [score._replace(index=missing[score.index]) for score in answer.scores]
        return known._replace(scores=sorted([*known.scores, *asked], key=best_first))

    def without_a_call(self) -> Answer:
        """The answer when all documents are known."""
        return self._answer_of_known(Answer([], 0, 0, None, calls=0))

    def learned(self, answer: Answer) -> dict[bytes, float]:
        """The scores of an answer as the site gave them, by the keys of their pairs.

        Args:
            answer: to `rest`.
        """
        missing = self.missing_keys()
        return {missing[score.index]: score.raw for score in answer.scores}

    def entries(self, learned: Mapping[bytes, float]) -> list[bytes]:
        """What is stored of such scores; nothing while there is no cache."""
        return entries(learned, self.stored.epoch) if self.stored.epoch else []

    def _missing(self) -> Iterator[int]:
        return (at for at, score in enumerate(self.scores) if score is None)

    def _answer_of_known(self, answer: Answer) -> Answer:
        raw = [Score(at, score) for at, score in enumerate(self.scores) if score is not None]
        raw.sort(key=best_first)
        reused = frozenset(score.index for score in raw)
        return on_one_scale(answer._replace(scores=raw, reused=reused), self.scale)
