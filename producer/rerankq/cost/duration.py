"""How long many calls take at given limits of the upstream."""

from dataclasses import dataclass
from typing import Final

MINUTE: Final = 60.0


@dataclass(frozen=True, slots=True)
class Pace:
    """What the upstream allows and how quick it is; None where that is not known.

    Attributes:
        rpm: requests a minute.
        tpm: tokens a minute.
        concurrency: calls in flight at once.
        seconds_per_call: how long one call takes.
    """

    rpm: float | None = None
    tpm: float | None = None
    concurrency: float | None = None
    seconds_per_call: float | None = None

    def seconds(self, *, calls: int, tokens: int) -> dict[str, float]:
        """The least seconds that each limit makes of the work: the largest is what it takes.

        Empty when nothing is known. `concurrency` needs `seconds_per_call` too.
        """
        found: dict[str, float] = {}
        if self.rpm:
            found["rpm"] = calls / self.rpm * MINUTE
        if self.tpm:
            found["tpm"] = tokens / self.tpm * MINUTE
        if self.concurrency and self.seconds_per_call:
            found["concurrency"] = calls * self.seconds_per_call / self.concurrency
        return found
