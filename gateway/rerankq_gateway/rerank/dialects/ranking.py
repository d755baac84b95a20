"""A ranking in the form that all dialects are written from."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import orjson

_MOST_LOGIT: Final = 30.0
"""A probability near 0 or 1 has not the digits for a larger logit."""
LOGITS_ARE_DERIVED: Final = (
    "the scores are logits that were computed from probabilities: near 0 and 1 they are not exact"
)


class Row(NamedTuple):
    """A document's place in the list as it was given, and its score."""

    place: int
    score: float


@dataclass(frozen=True, slots=True)
class Ranking:
    """The answer to one question.

    Attributes:
        job_id: its job.
        model: that ranked.
        rows: the best first.
        tokens: the upstream's count, or an estimate where it has none.
        is_degraded: whether nothing was ranked: the documents are in the order given.
        logits: the same rows with the upstream's own logits; None if it gave none.
    """

    job_id: str
    model: str
    rows: Sequence[Row]
    tokens: int = 0
    is_degraded: bool = False
    logits: Sequence[Row] | None = None


def ranking_from(job_id: str, stored: bytes) -> Ranking:
    """The ranking in a stored result, a `RerankResult` as JSON."""
    fields = orjson.loads(stored)
    usage = fields.get("usage") or {}
    tokens = usage.get("total_tokens") or usage.get("estimated_tokens") or 0
    rows = [Row(each["index"], each["relevance_score"]) for each in fields["results"]]
    logits = None
    if fields.get("raw_scale") == "logit":
        logits = [Row(each["index"], each["raw_score"]) for each in fields["results"]]
    return Ranking(job_id, fields["model"], rows, tokens, logits=logits)


def in_order_given(job_id: str, model: str, documents: int, top_n: int | None) -> Ranking:
    """What is answered in place of a ranking: the documents in the order given."""
    wanted = documents if top_n is None else min(top_n, documents)
    rows = [Row(index, 0.0) for index in range(wanted)]
    return Ranking(job_id, model, rows, is_degraded=True)


def as_logits(ranking: Ranking) -> Sequence[Row]:
    """The rows with logits: the upstream's own, or computed from probabilities."""
    if ranking.logits is not None:
        return ranking.logits
    return [Row(index, _logit(score)) for index, score in ranking.rows]


def _logit(probability: float) -> float:
    if probability <= 0.0:
        return -_MOST_LOGIT
    if probability >= 1.0:
        return _MOST_LOGIT
    logit = math.log(probability / (1.0 - probability))
    return max(-_MOST_LOGIT, min(_MOST_LOGIT, logit))
