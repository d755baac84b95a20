"""The result of a job that succeeded."""

from typing import Annotated, Literal

from pydantic import Field, StrictFloat, StrictInt

from rerankq.contract.long_documents import LongDocument, PassageOf
from rerankq.contract.message import Message, Versioned
from rerankq.contract.request import Document


class RankedDocument(Message):
    """One row of a ranking; `index` refers to the list of documents as submitted."""

    index: Annotated[int, Field(ge=0)]
    relevance_score: StrictFloat
    document: Document | None = None
    raw_score: StrictFloat | None = Field(
        default=None, description="The score as the site gave it, if the job asked for it."
    )
    passage: PassageOf | None = Field(
        default=None, description="The part of a split document whose score this is."
    )
    source: Literal["call", "reused"] | None = Field(
        default=None,
        description="Whether the score came from a call for this job, or was known from an "
        "earlier one; absent where scores are not reused.",
    )


class Usage(Message):
    """Tokens of the call. The upstream's figures can all be 0, so there is an estimate too.

    What is None goes without saying: one call for all pairs, nothing counted, nothing reused.
    """

    prompt_tokens: StrictInt = 0
    total_tokens: StrictInt = 0
    estimated_tokens: StrictInt = 0
    counted_tokens: StrictInt | None = Field(
        default=None, description="Counted with the model's tokenizer."
    )
    calls: StrictInt | None = Field(default=None, description="Calls that brought the ranking.")
    pairs: StrictInt | None = Field(default=None, description="Pairs that were sent.")
    reused_pairs: StrictInt | None = Field(
        default=None, description="Pairs that were not sent, because their scores were known."
    )
    reused_tokens: StrictInt | None = Field(
        default=None, description="An estimate of the tokens that this has saved."
    )


class Timings(Message):
    """Seconds from when a job could first run to its last attempt, and of that call."""

    waited_seconds: StrictFloat
    upstream_seconds: StrictFloat


class RerankResult(Versioned):
    """The ranking: best first, at most `top_n` rows; none if no document has `min_score`."""

    job_id: str
    model: str
    results: tuple[RankedDocument, ...]
    usage: Usage = Usage()
    attempts: StrictInt
    timings: Timings
    request_id: str | None = Field(default=None, description="The upstream's own id of the call.")
    raw_scale: Literal["probability", "logit"] | None = Field(
        default=None, description="What raw_score is, if the site declares it."
    )
    long_documents: tuple[LongDocument, ...] | None = Field(
        default=None, description="Documents that were truncated or split."
    )
    metadata: dict[str, str] = Field(default_factory=dict)
