"""Says in the log, now and then, how many calls got no ranking of their own."""

import logging
from collections import Counter
from typing import Final

from rerankq.events import CallDegraded, Events, RequestRefused

log = logging.getLogger(__name__)

EVERY_SECONDS: Final = 60.0


class Tally:
    """Counts refused and degraded calls.

    Args:
        events: of the gateway's client.
    """

    def __init__(self, events: Events) -> None:
        self._counted: Counter[str] = Counter()
        events.listen(self._degraded, CallDegraded)
        events.listen(self._refused, RequestRefused)

    async def report(self) -> None:
        """Write one line about the calls since the last one, if there were any."""
        counted, self._counted = self._counted, Counter()
        if counted:
            named = ", ".join(f"{count:,} {what}" for what, count in sorted(counted.items()))
            log.warning("rerank calls without a ranking in the last minute: %s", named)

    def _degraded(self, event: CallDegraded) -> None:
        self._counted[f"answered in the original order ({event.reason})"] += 1

    def _refused(self, event: RequestRefused) -> None:
        self._counted[f"refused ({event.by})"] += 1
