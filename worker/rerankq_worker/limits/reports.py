"""What a worker reports of one account to Redis: each fact arrives once, and none is lost."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from rerankq.accounts.accounts import Report
from rerankq.contract import Lane
from rerankq_worker.limits.permit import Demand
from rerankq_worker.limits.recent_use import RecentUse

MOST_PAUSE_SECONDS: Final = 3600.0


class Reports:
    """The reports of one account. All calls belong to one event loop.

    Args:
        lane: the lane that this worker serves.
        max_in_flight: how many calls it may have in flight.
        clock: a monotonic clock in seconds.

    Attributes:
        new: what happened since the last report. Calls add to it as they happen.
        sent: the last report.
        most_in_flight: the most calls that were in flight at once since the last report.
    """

    def __init__(self, lane: Lane, *, max_in_flight: int, clock: Callable[[], float]) -> None:
        self.ask_soon: Callable[[], None] = lambda: None
        """Called when there is something new to ask for or to report."""
        self.new = Report(lane.value)
        self.sent = Report(lane.value)
        self.most_in_flight = 0
        self._lane = lane
        self._max_in_flight = max_in_flight
        self._use = RecentUse(clock)
        self._unanswered: Report | None = None
        self._has_news = False

    # What a call may add.

    def was_asked_to_pause(self, seconds: float) -> None:
        """The upstream asked all workers to wait."""
        self.new.pause_ms = max(self.new.pause_ms, _pause_ms(seconds))
        self.ask_soon()

    def had_trouble(self, points: float, retry_after: float | None = None) -> None:
        """A failure counts against the upstream with `points`; it may have asked to wait."""
        self.new.trouble += points
        pause_ms = _pause_ms(retry_after or 0.0)
        self.new.trouble_pause_ms = max(self.new.trouble_pause_ms, pause_ms)
        self.ask_soon()

    def went_astray(self, points: float, retry_after: float | None = None) -> None:
        """The answer did not come from the endpoint; several in a row take the site out of use."""
        self.new.astray += 1
        self.had_trouble(points, retry_after)

    def was_not_reached(self, points: float) -> None:
        """No connection could be made; the next exchange tells whether only this worker failed."""
        self.new.unreached += points
        self.ask_soon()

    def key_proved_good(self) -> None:
        """A key gave its first ranking for a while.

        All workers should know soon: a worker that is refused by a key, and knows of no ranking by
        it, takes the key out of use for all.
        """
        self._has_news = True
        self.ask_soon()

    def note_cause(self, cause: str) -> None:
        """Keep class and status of the last 429 or failure, for an account that goes out of use."""
        self.new.cause = cause

    @property
    def urgent(self) -> bool:
        """Whether there is something to report that all workers should know soon."""
        new = self.new
        trouble = new.trouble or new.unreached
        return bool(new.throttled or trouble or new.pause_ms or new.probe_ok or self._has_news)

    @property
    def unreported(self) -> bool:
        """Whether anything happened since the last report."""
        return bool(self.urgent or self.new.began or self.new.ok)

    # What an exchange sends.

    @property
    def is_repeat_due(self) -> bool:
        """Whether the last report goes out again, as nobody knows whether it arrived."""
        return self._unanswered is not None

    def next(self, demand: Demand, *, in_flight: int, may_grow: bool) -> Report:
        """The report for the next exchange, with what this worker wants.

        Args:
            demand: what waits for permits.
            in_flight: calls under way.
            may_grow: whether to ask for what was used lately, too.
        """
        began = self.new.began
        if self._unanswered:
            # Sent unchanged, as it may have arrived. What happened since follows in the next one.
            told = replace(self._unanswered, want=0, want_tokens=0.0, want_slots=0)
        else:
            told, self.new = self.new, Report(self._lane.value)
            self._has_news = False
        told.in_flight = in_flight
        if demand.calls or began or in_flight:
            expected = self._use.expected(began)
            told.want = demand.calls + (expected if may_grow else 0)
        a_call = demand.tokens / demand.calls if demand.calls else 0.0
        told.want_tokens = demand.tokens + a_call * (told.want - demand.calls)
        if told.want:
            # Calls that began together end together, so as many begin again.
            slots = max(self.most_in_flight, in_flight + told.want)
            told.want_slots = min(self._max_in_flight, slots)
        self.most_in_flight = in_flight
        self.sent = told
        return told

    def arrived(self) -> None:
        """Redis has the last report."""
        self._unanswered = None

    def not_answered(self, told: Report, *, may_be_told: bool) -> tuple[int, float]:
        """Keep a report for later.

        Args:
            told: the report.
            may_be_told: whether it may have arrived, so that only the answer was lost.

        Returns:
            What of it this worker uses itself until Redis is back: permits, and its debt of tokens.
        """
        if self._unanswered:
            return 0, 0.0
        kept, debt = min(1, told.left), min(told.left_tokens, 0.0)
        if may_be_told:
            left, left_tokens = told.left - kept, told.left_tokens - debt
            self._unanswered = replace(told, left=left, left_tokens=left_tokens)
        else:
            self.new = told.joined(self.new)
        return kept, debt


def _pause_ms(seconds: float) -> int:
    return int(min(seconds, MOST_PAUSE_SECONDS) * 1000)
