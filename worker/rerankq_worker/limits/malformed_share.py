"""Whether answers that cannot be trusted come to many jobs: then none is to blame for its own."""

import math
from collections.abc import Callable
from typing import Final

FADES_SECONDS: Final = 60.0
COMMON: Final = 0.05
"""Of all answers. Of so many one in three million jobs would meet five in a row by chance."""


class MalformedShare:
    """The share of the answers of late that were malformed, each job's first one counted.

    Args:
        clock: seconds that only ever grow.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._at = clock()
        self._rankings = self._malformed = 0.0

    def ranked(self) -> None:
        """An answer was a ranking."""
        self._rankings += 1

    def malformed(self) -> None:
        """An answer was malformed, and the first of its job that was."""
        self._fade()
        self._malformed += 1

    @property
    def is_common(self) -> bool:
        """Whether other jobs than the one that asks meet such answers as well."""
        self._fade()
        others = self._malformed - 1
        return others > 0 and others >= COMMON * (others + self._rankings)

    def _fade(self) -> None:
        now = self._clock()
        share = math.exp((self._at - now) / FADES_SECONDS)
        self._rankings, self._malformed, self._at = (
            self._rankings * share,
            self._malformed * share,
            now,
        )
