"""The seam to the upstream: what the job's logic asks for, and what may come back.

Providers implement `Provider`. The errors that they may raise stand in `errors`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from rerankq.contract import RerankRequest


# Not frozen: there is one a document, and a frozen one takes twice as long to make.
@dataclass(slots=True)
class Score:
    """A document's score; `index` refers to the documents as sent."""

    index: int
    relevance_score: float


class Answer(NamedTuple):
    """A complete and plausible answer: best first, no index twice, every score finite.

    Attributes:
        scores: one a document, as many as were asked for or more.
        prompt_tokens: as the upstream counts; 0 when it does not say.
        total_tokens: likewise.
        request_id: the upstream's own id of the call, if it sent one.
        pause_seconds: how long the upstream asks to wait before the next call, for this one used
            up what it allows; None when it asks for nothing.
    """

    scores: Sequence[Score]
    prompt_tokens: int
    total_tokens: int
    request_id: str | None
    pause_seconds: float | None = None


def _certain() -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Call:
    """One attempt at one job.

    Attributes:
        job_id: whose attempt it is.
        attempt: which one, from 1.
        request: what to rank.
        model: the name that this site gives the model.
        authorization: the whole value of the Authorization header, prefix and key.
        may_begin: whether the job is certain to be this worker's still. It is asked when a
            connection had to be made first, which takes a while.
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
        """See whether a request could be sent at all; nothing is sent.

        Args:
            request: what to rank.
            model: the name that this site gives the model.

        Raises:
            Refused: it could not, and never will be.
        """
        ...

    async def rerank(self, call: Call) -> Answer:
        """Ask for a ranking.

        Raises:
            UpstreamError: there is none; the class says what to do about it.
        """
        ...

    async def reach(self) -> None:
        """See whether the site can be reached from here; no job is sent, and no key.

        Raises:
            Unreachable: no connection could be made.
        """
        ...


class Upstream(Protocol):
    """Whom a job's logic asks: it knows nothing of sites, accounts and keys."""

    async def ask(self, job_id: str, attempt: int, request: RerankRequest) -> Answer:
        """Ask for a ranking.

        Raises:
            UpstreamError: there is none; the class says what to do about it.
        """
        ...
