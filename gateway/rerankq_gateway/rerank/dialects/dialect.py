"""What a dialect is."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from rerankq_gateway.errors import Problem
from rerankq_gateway.rerank.dialects.call import Call
from rerankq_gateway.rerank.dialects.ranking import Ranking


class Dialect(Protocol):
    """Reads calls and writes answers in the form of one family of clients."""

    def read(self, fields: Mapping[str, Any]) -> Call:
        """The call of a body.

        Raises:
            InvalidRequest: names the field that is missing or wrong.
        """

    def write(self, call: Call, rankings: Sequence[Ranking]) -> Any:
        """The answer, to be encoded as JSON; `rankings` has one for each question."""

    def refusal(self, problem: Problem) -> Problem:
        """An error as these clients read it."""
