"""What is known of the rankings that an account gave: to this worker, and to any."""

import math
from collections.abc import Callable
from typing import Final

from rerankq.accounts.accounts import Allotment
from rerankq_worker.limits.malformed_share import MalformedShare

LATELY_SECONDS: Final = 60.0
"""How long a ranking shows that its site and its key are well."""
FADES: Final = 0.9
"""The time of the longest call is multiplied by this at each shorter call."""


class Rankings:
    """The rankings of one account. All calls belong to one event loop.

    Args:
        endpoint: fingerprint of the site, under which Redis keeps whether it ever ranked.
        clock: a monotonic clock in seconds.
    """

    def __init__(self, endpoint: str, clock: Callable[[], float]) -> None:
        self.endpoint = endpoint
        self.malformed = MalformedShare(clock)
        self.took_seconds = 0.0
        """The longest that ranked calls took lately."""
        self._clock = clock
        self._at = -math.inf
        self._by: dict[str, float] = {}
        self._began: dict[str, float] = {}
        self._heard: Allotment | None = None
        self._heard_at = -math.inf

    def given(self, key_id: str, began: float | None = None) -> None:
        """Record a ranking by one of the account's keys; its call began at `began`, else now."""
        now = self._clock()
        began = now if began is None else began
        self._at = self._by[key_id] = now
        self._began[key_id] = max(began, self._began.get(key_id, began))
        self.took_seconds = max(now - began, FADES * self.took_seconds)
        self.malformed.count_ranking()

    def heard(self, allotment: Allotment) -> None:
        """Keep what an exchange returned."""
        self._heard, self._heard_at = allotment, self._clock()

    def served(self) -> dict[str, float]:
        """How many ms ago the last ranked call began, for each key that ranked in the last minute.

        Since then the key is known to be good.
        """
        now = self._clock()
        late = [key for key, at in self._by.items() if now - at >= LATELY_SECONDS]
        for key in late:
            del self._by[key], self._began[key]
        return {key: 1000 * (now - began) for key, began in self._began.items()}

    @property
    def proven(self) -> bool:
        """Whether the endpoint has ever given a ranking, as far as all workers know."""
        if not self.endpoint or self._at > -math.inf:
            return True
        return self._heard is not None and self._heard.ranked == self.endpoint

    def within(self, seconds: float) -> bool:
        """Whether this worker got a ranking within the last `seconds`."""
        return self._clock() - self._at < seconds

    def lately(self, key_id: str | None = None) -> bool:
        """Whether any worker got a ranking within the last minute, by this key (None: by any)."""
        now = self._clock()
        own = self._at if key_id is None else self._by.get(key_id, -math.inf)
        if now - own < LATELY_SECONDS:
            return True
        if self._heard is None or now - self._heard_at >= LATELY_SECONDS:
            return False
        return bool(self._heard.served) if key_id is None else key_id in self._heard.served
