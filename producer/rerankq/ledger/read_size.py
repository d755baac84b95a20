"""For how many jobs the results are read together with the records, in one command."""

from typing import Final

LEAST, MOST = 8, 32
"""For so few jobs results are read with the records, whatever their size; and for so many if they
are as small as those before."""
READ_BYTES: Final = 1024 * 1024
FORGETTING: Final = 0.9
"""A large result counts less with each reading after it."""


class ReadSize:
    """Learns from the sizes of results that were read.

    Attributes:
        jobs: for how many jobs the results are read with the records.
    """

    def __init__(self) -> None:
        self._largest = 0.0
        self.jobs = LEAST

    def learn(self, largest: int) -> None:
        """Note the bytes of the largest result of a reading; 0 if it had none."""
        if largest:
            self._largest = max(float(largest), FORGETTING * self._largest)
            self.jobs = max(LEAST, min(MOST, int(READ_BYTES / self._largest)))
