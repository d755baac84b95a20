"""How long an answer takes."""

import math
import random
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from rerankq_sandbox.contract import Question

Milliseconds = Annotated[float, Field(ge=0, le=600_000, allow_inf_nan=False)]

# The 99th percentile of the standard normal distribution.
_Z99: Final = 2.3263478740408408

# No answer takes longer than this, even if the draw is larger.
_MOST_SECONDS: Final = 3600.0


class _Distribution(BaseModel):
    """The part of the latency that grows with the call.

    Attributes:
        per_document_ms: Added for each document.
        per_token_ms: Added for each token, estimated.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)

    per_document_ms: Milliseconds = 0
    per_token_ms: Milliseconds = 0


class Constant(_Distribution):
    """`ms` for every call."""

    kind: Literal["constant"]
    ms: Milliseconds


class Uniform(_Distribution):
    """Uniform about `ms`: a jitter of 0.2 means 80% to 120% of it."""

    kind: Literal["uniform"]
    ms: Milliseconds
    jitter: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class Lognormal(_Distribution):
    """Log-normal, as in real services: half the calls within `median_ms`, 99% within `p99_ms`."""

    kind: Literal["lognormal"]
    median_ms: Milliseconds
    p99_ms: Milliseconds

    @model_validator(mode="after")
    def _spread_is_possible(self) -> Self:
        if not 0 < self.median_ms <= self.p99_ms:
            raise ValueError("0 < median_ms <= p99_ms must hold")
        return self


Distribution = Annotated[Constant | Uniform | Lognormal, Field(discriminator="kind")]


class Latency:
    """Draws the time of each answer, the same series for the same seed.

    Attributes:
        distribution: The distribution to draw from; may be replaced at any time.
    """

    def __init__(self, distribution: Distribution, seed: int) -> None:
        self.distribution = distribution
        self._random = random.Random(f"latency {seed}")  # noqa: S311 - repeatable, not secret

    def draw(self, question: Question) -> float:
        """Time from arrival to answer, in seconds."""
        drawn = self.distribution
        milliseconds = self._base(drawn) + drawn.per_document_ms * len(question.texts)
        if drawn.per_token_ms:
            milliseconds += drawn.per_token_ms * question.tokens
        return min(milliseconds / 1000.0, _MOST_SECONDS)

    def _base(self, drawn: Distribution) -> float:
        match drawn:
            case Constant():
                return drawn.ms
            case Uniform():
                return drawn.ms * (1.0 + self._random.uniform(-drawn.jitter, drawn.jitter))
            case Lognormal():
                mean = math.log(drawn.median_ms)
                return self._random.lognormvariate(mean, (math.log(drawn.p99_ms) - mean) / _Z99)
