"""The seam to the upstream: the calls that jobs make, and their answers.

Providers implement `Provider`. The errors that they may raise are in `errors`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, Protocol

from rerankq.contract import RerankRequest


class Score(NamedTuple):
    """A document's score.

    Attributes:
        index: refers to the documents as sent.
        relevance_score: a probability, if the site declares the scale of its scores; else the score
            as the site gave it.
        given: the score as the site gave it, if `relevance_score` was computed from it.
    """

    index: int  # type: ignore[assignment]  # it takes the place of tuple's method
    relevance_score: float
    given: float | None = None

    @property
    def raw(self) -> float:
        """The score as the site gave it."""
        return self.relevance_score if self.given is None else self.given


def best_first(score: Score) -> tuple[float, float, int]:
    """The sort key of a ranking: best first; equal scores in the order of the documents.

    Probabilities near 0 and 1 may be equal where the raw scores are not: then these decide. Scores
    of sites with different scales are compared by their probabilities.
    """
    return -score.relevance_score, -score.raw, score.index


class Answer(NamedTuple):
    """A complete and plausible answer: best first, no index twice, every score finite.

    Attributes:
        scores: one for each document, at least as many as the request wanted.
        prompt_tokens: tokens read, by the upstream's count; 0 if it does not tell.
        total_tokens: all tokens, by the upstream's count; 0 if it does not tell.
        request_id: the upstream's request id, if it sent one.
        pause_seconds: how long the upstream asks to wait before the next call, because this one
            used up its allowance; None if it does not ask.
        scale: what the raw scores are; None if the site does not declare it.
        calls: how many calls brought it.
        reused: the documents whose scores were known before; None where none are reused.
    """

    scores: Sequence[Score]
    prompt_tokens: int
    total_tokens: int
    request_id: str | None
    pause_seconds: float | None = None
    scale: Literal["probability", "logit"] | None = None
    calls: int = 1
    reused: frozenset[int] | None = None


def _certain() -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Call:
    """One attempt at one job.

    Attributes:
        job_id: the job's id.
        attempt: the number of the attempt, from 1.
        request: what to rank.
        model: this site's name for the model.
        authorization: the whole value of the Authorization header, prefix and key.
        may_begin: whether this worker certainly still holds the job. It is called again after a new
            connection was made, which takes a while.
    """

    job_id: str
    attempt: int
    request: RerankRequest
    model: str
    authorization: str = field(repr=False)
    may_begin: Callable[[], bool] = field(default=_certain, repr=False, compare=False)


class Provider(Protocol):
    """Something that can rank documents."""

    def check(self, request: RerankRequest, model: str) -> None:
        """Check whether this site could take a request; nothing is sent.

        Args:
            request: what to rank.
            model: this site's name for the model.

        Raises:
            Refused: it could not, and never will.
        """
        ...

    async def rerank(self, call: Call) -> Answer:
        """Ask for a ranking.

        Raises:
            UpstreamError: there is none; the class says what to do about it.
        """
        ...

    async def reach(self) -> None:
        """Check whether the site can be reached from here; no job and no key is sent.

        Raises:
            Unreachable: no connection could be made.
        """
        ...


class Upstream(Protocol):
    """The upstream as a job sees it, without sites, accounts and keys."""

    async def ask(self, job_id: str, attempt: int, request: RerankRequest) -> Answer:
        """Ask for a ranking.

        Raises:
            UpstreamError: there is none; the class says what to do about it.
        """
        ...
