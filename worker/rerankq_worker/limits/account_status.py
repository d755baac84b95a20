"""What the last exchange with Redis told about an account, and what follows from that now."""

import math
from collections.abc import Callable
from typing import Final

from rerankq.accounts.accounts import Allotment

BUDGET_SECONDS: Final = 1.0
"""How long a known budget of retries is valid: it grows by at least one a second."""


class AccountStatus:
    """The state of one account, as this worker knows it.

    Args:
        clock: a monotonic clock in seconds.

    Attributes:
        last: what the last exchange returned; None before the first exchange.
        heard_at: when that was, by the clock.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.last: Allotment | None = None
        self.heard_at = -math.inf

    def heard(self, allotment: Allotment) -> None:
        """Keep what an exchange returned."""
        self.last, self.heard_at = allotment, self._clock()

    @property
    def is_usable(self) -> bool:
        """Whether the account gives permits to all calls, not only probes; assumed if unknown."""
        return self.last is None or (self.last.mode == "open" and self.usable_in == 0)

    @property
    def usable_in(self) -> float:
        """Seconds until an account that is out of use gives out permits, as far as is known."""
        if self.last is None:
            return 0.0
        return max(0.0, self.last.wait_ms / 1000 - (self._clock() - self.heard_at))

    @property
    def is_out(self) -> bool:
        """Whether the upstream is known to be out."""
        return self.last is not None and self.last.mode == "broken"

    @property
    def unusable_for(self) -> float:
        """For how many seconds it had been out of use at the last exchange; 0 if it was usable."""
        last = self.last
        return (last.now - last.since) / 1000 if last and last.since else 0.0

    @property
    def knows_budget(self) -> bool:
        """Whether the last exchange is recent enough for its budget of retries to be valid."""
        return self._clock() - self.heard_at < BUDGET_SECONDS

    @property
    def share(self) -> float:
        """This worker's share of the account's current rate, in calls a second."""
        return self.last.rate / self.last.workers if self.last else 0.0
