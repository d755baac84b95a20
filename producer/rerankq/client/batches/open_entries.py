"""Which entries of a batch have no result yet: a bit for each, because there may be millions."""

from rerankq.ledger.batch_readings import PAGE

_ALL = (1 << PAGE) - 1


class OpenEntries:
    """Positions without a result, by pages of the batch.

    Args:
        start: those before it are nobody's concern.

    Attributes:
        known: how many entries the batch has, as far as is known.
    """

    def __init__(self, start: int = 0) -> None:
        self._pages: dict[int, int] = {}
        self.known = start

    def extend(self, known: int) -> None:
        """Note that the batch has so many entries now."""
        if known <= self.known:
            return
        for page in range(self.known // PAGE, -(-known // PAGE)):
            start = page * PAGE
            first, last = max(self.known, start) - start, min(known, start + PAGE) - start
            self._pages[page] = self._pages.get(page, 0) | _bits(first, last)
        self.known = known

    def open_in(self, page: int) -> list[int]:
        """The open positions of a page, in order."""
        bits, start = self._pages.get(page, 0), page * PAGE
        return [start + at for at in range(PAGE) if bits >> at & 1]

    def settle(self, position: int) -> None:
        """Note that there is a result."""
        page = position // PAGE
        left = self._pages.get(page, 0) & ~(1 << position % PAGE)
        if left:
            self._pages[page] = left
        else:
            self._pages.pop(page, None)

    def reopen(self, start: int) -> None:
        """Note that all from that position on have no result again."""
        known, self.known = self.known, start
        self.extend(known)

    def is_waited_for(self, position: int) -> bool:
        """Whether there is no result for it: it is open, or not in the batch yet."""
        bits = self._pages.get(position // PAGE, 0)
        return position >= self.known or bool(bits >> position % PAGE & 1)

    @property
    def pages(self) -> int:
        """How many pages have an open position."""
        return len(self._pages)

    def next_page(self, page: int) -> int | None:
        """The next page with an open position, from `page` on, then from 0 on; None if none."""
        if page in self._pages:
            return page
        ahead = [each for each in self._pages if each > page]
        return min(ahead or self._pages, default=None)


def _bits(first: int, last: int) -> int:
    return (_ALL >> (PAGE - last)) & ~((1 << first) - 1)
