"""What reads the results of a batch's entries, a few at a time, as rankings can be large."""

from collections.abc import AsyncGenerator, Sequence
from typing import Final, Protocol, TypeVar

from rerankq.errors import InvalidRequest
from rerankq.ledger.batches import Entry

PORTION_BYTES: Final = 2 * 1024 * 1024
FIRST_PORTION: Final = 10

Placed = tuple[int, Entry]
"""An entry and its position in the batch."""


class Positioned(Protocol):
    """The result of an entry."""

    @property
    def position(self) -> int:
        """The entry's place in the batch, from 0."""


R = TypeVar("R", bound=Positioned)


class EntryReader(Protocol[R]):
    """Reads the results of entries."""

    def results(
        self, entries: Sequence[Placed], *, in_order: bool
    ) -> AsyncGenerator[list[R], None]:
        """The results of those that have ended, in the order given, in portions.

        Args:
            entries: what to look at.
            in_order: whether to stop before the first that has not ended.

        Raises:
            LedgerUnavailable: Redis has not answered for a minute.
        """


def check_position(start: object) -> None:
    """Refuse what is no position in a batch.

    Raises:
        InvalidRequest: it is none.
    """
    if type(start) is not int or start < 0:
        raise InvalidRequest("start", "must be a position in the batch, a whole number from 0")


class PortionSize:
    """How many results to read at once: about 2 MiB of them, by the largest seen last.

    Args:
        most: how many at most.

    Attributes:
        entries: how many.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self.entries = FIRST_PORTION

    def learn(self, largest: int) -> None:
        """Note the bytes of the largest result of a portion."""
        self.entries = max(1, min(self._most, PORTION_BYTES // max(1, largest)))
