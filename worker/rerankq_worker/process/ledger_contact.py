"""Tells that Redis carries out a worker's calls again, once for all of its connections."""

from rerankq.events import Events, LedgerCallFailed, LedgerRecovered


class LedgerContact:
    """Knows whether listeners were told of a failed call, and nothing better since.

    Args:
        events: told of the recovery; it tells of the failed calls.
    """

    def __init__(self, events: Events) -> None:
        self._events = events
        self._has_failed = False
        events.listen(self._failed, LedgerCallFailed)

    def recovered(self, seconds: float) -> None:
        """A store's calls are carried out again, after so many seconds."""
        if self._has_failed:
            self._has_failed = False
            self._events.tell(LedgerRecovered(seconds=seconds))

    def _failed(self, _: LedgerCallFailed) -> None:
        self._has_failed = True
