"""The scale of a site's scores, and how scores become probabilities.

Rerankers give a probability, or the logit from which one is computed. A site declares which; an
answer of a site that declares nothing stays as it is. Each document's score is turned by itself:
a scale that depended on the other documents of a job would change with them.
"""

from collections.abc import Sequence
from enum import StrEnum
from math import exp
from typing import Final

from rerankq_worker.upstream.of_models import OfModels
from rerankq_worker.upstream.port import Answer, Score


class ScoreScale(StrEnum):
    """What a site's scores are."""

    PROBABILITY = "probability"
    LOGIT = "logit"


Scales = OfModels[ScoreScale]
"""The scales of one site."""
NOT_DECLARED: Final = Scales()


def probability(logit: float) -> float:
    """The probability of a logit, from 0 to 1; exact to the last digits for any finite logit."""
    if logit >= 0:
        return 1.0 / (1.0 + exp(-logit))
    # The other form would overflow for large negative logits, and lose digits for small ones.
    odds = exp(logit)
    return odds / (1.0 + odds)


def on_one_scale(answer: Answer, scale: ScoreScale | None) -> Answer:
    """An answer with probabilities as relevance scores, in the order of the raw scores.

    Args:
        answer: as the dialect has read it.
        scale: what the site declares of the model that answered.
    """
    if scale is None:
        return answer
    scores = _as_probabilities(answer.scores) if scale is ScoreScale.LOGIT else answer.scores
    return answer._replace(scores=scores, scale=scale.value)


def _as_probabilities(scores: Sequence[Score]) -> list[Score]:
    # The order stays: very large logits all become 1, and only the raw scores tell which is best.
    return [Score(index, probability(logit), logit) for index, logit, _ in scores]
