"""The permits of one account that this worker holds: calls take them locally, one by one.

No library does this. Well-kept ones ask Redis at each call, or limit a single process, and none
finds an unknown limit by itself; docs/limits.md has the measurements.
"""

import math
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from rerankq.accounts.accounts import Allotment, Report
from rerankq.contract import Lane
from rerankq_worker.limits.account_status import AccountStatus
from rerankq_worker.limits.isolation import Isolation
from rerankq_worker.limits.permit import Demand, Permit
from rerankq_worker.limits.rankings import Rankings
from rerankq_worker.limits.recent_use import RecentUse
from rerankq_worker.limits.suspicions import Suspicions
from rerankq_worker.upstream.sites import Account

AHEAD: Final = 10
"""Jobs that a worker holds beyond those that its permits allow, so that no permit goes unused."""
GOOD_SECONDS: Final = 3.0
"""How long permits are valid: after that the account may have been paused, or be out."""
SLACK_SECONDS: Final = 0.01
"""How late a call may be without moving the calls after it."""
MOST_LATE_SECONDS: Final = 0.25
"""How much later it may be if the event loop was too busy to begin it in time."""
UNPROVEN_RATE: Final = 400.0
"""Calls a second below which an upstream whose limit nobody knows is not trusted with bursts."""
SPARE: Final = 1.05
"""Permits are used this many times as fast as they come, or some would be left each time."""
AWAY_SHARE: Final = 0.1
"""While Redis is away, a worker uses this part of an even share of the last known rate."""
MOST_AWAY_RATE: Final = 1.0
MOST_PAUSE_SECONDS: Final = 3600.0


class Permits:
    """The permits of one account. All calls belong to one event loop.

    Args:
        account: the account.
        lane: the lane that this worker serves.
        max_in_flight: how many calls it may have in flight.
        endpoint: see `Rankings`.
        clock: a monotonic clock in seconds; `time.monotonic` if None.
    """

    def __init__(
        self,
        account: Account,
        *,
        lane: Lane,
        max_in_flight: int,
        endpoint: str = "",
        clock: Callable[[], float] | None = None,
    ) -> None:
        self.account = account
        self.counts_tokens = account.limits.tpm is not None
        self.in_flight = 0
        self.wanted: Callable[[], None] = lambda: None
        """Called when there is something new to ask for or to report."""
        self._lane = lane
        self._max_in_flight = max_in_flight
        self._clock = clock or time.monotonic
        self.rankings = Rankings(endpoint, self._clock)
        self.suspicions = Suspicions(self._clock)
        self.isolation = Isolation(self._clock)
        self._most_in_flight = 0
        self._use = RecentUse(self._clock)
        self._permits = 0.0
        self._tokens = 0.0
        self._retries = 0
        self._slots: int | None = None if account.limits.concurrency is None else 0
        self._probe = False
        self._report = Report(lane.value)
        self._told = Report(lane.value)
        self._unanswered: Report | None = None
        self._apart = 0.0
        self._next_at = -math.inf
        self._late = 0.0
        self.status = AccountStatus(self._clock)
        self._good_until = -math.inf

    @property
    def ready(self) -> bool:
        """Whether a call may begin."""
        return (
            self._permits >= 1
            and not self.isolation.holds
            and self._next_at <= self._clock() < self._good_until
            and (self._slots is None or self.in_flight < self._slots)
            and (not self.counts_tokens or self._tokens > 0)
        )

    def take(self, tokens: float, *, retry: bool) -> Permit | None:
        """A permit, if there is one."""
        if not self.ready or (retry and not self.may_retry):
            self.wanted()
            return None
        self._permits -= 1
        earliest = self._clock() - SLACK_SECONDS - self._late
        self._next_at = max(self._next_at, earliest) + self._apart
        self._tokens -= tokens
        self.in_flight += 1
        self._most_in_flight = max(self._most_in_flight, self.in_flight)
        self._report.began += 1
        if retry:
            self._retries -= 1
            self._report.retries += 1
        permit = Permit(tokens, self._probe, retry, trial=self.isolation.trial_due)
        self._probe = False
        if permit.trial:
            self.isolation.begin_trial()
        return permit

    def put_back(self, permit: Permit) -> None:
        """Put a permit back: no call was made."""
        self.in_flight -= 1
        self._permits += 1
        self._tokens += permit.tokens
        self._probe |= permit.probe
        self._retries += permit.retry
        if permit.trial:
            self.isolation.put_trial_back()
        # If the call was reported meanwhile, that cannot be taken back.
        self._report.began = max(0, self._report.began - 1)
        self._report.retries = max(0, self._report.retries - permit.retry)

    def done(self, permit: Permit, cost: float | None = None) -> None:
        """A call has ended; `cost` is its tokens, where the upstream told them."""
        self.in_flight -= 1
        if cost:
            self._tokens += permit.tokens - cost

    def went_well(self, permit: Permit) -> None:
        """The upstream answered as it should."""
        self.isolation.answered()
        self._report.astray = 0
        self._report.ok += 1
        self._report.probe_ok |= permit.probe
        self.wanted()

    def gave_ranking(self, key_id: str = "", began: float | None = None) -> None:
        """The upstream gave a ranking by one of the account's keys.

        Args:
            key_id: fingerprint of the key.
            began: when the call began; now if None.
        """
        self.rankings.given(key_id, began)
        self.suspicions.ranked(key_id)
        self._report.ranked = self.rankings.endpoint

    def was_throttled(self, retry_after: float | None) -> None:
        """The upstream asked to slow down, for `retry_after` seconds if it said so."""
        self.isolation.answered()
        self._report.throttled += 1
        # Until all workers have agreed on a lower rate: fewer calls at once than now.
        most = self.in_flight - 1 if self._slots is None else min(self._slots, self.in_flight - 1)
        self._slots = max(1, most)
        if self._report.throttled > 1:
            # Two 429s are no accident. Refusals are fast, so the next call would follow at once.
            self._good_until = -math.inf
        self.was_asked_to_pause(retry_after or 0.0)

    def was_asked_to_pause(self, seconds: float) -> None:
        """The upstream asked all workers to wait."""
        self._report.pause_ms = max(self._report.pause_ms, _pause_ms(seconds))
        self.wanted()

    def had_trouble(self, points: float, retry_after: float | None = None) -> None:
        """A failure counts against the upstream with `points`; it may have asked to wait."""
        told = self._report
        told.trouble += points
        told.trouble_pause_ms = max(told.trouble_pause_ms, _pause_ms(retry_after or 0.0))
        self.wanted()

    def went_astray(self, points: float, retry_after: float | None = None) -> None:
        """The answer did not come from the endpoint; several in a row take the site out of use."""
        self._report.astray += 1
        self.had_trouble(points, retry_after)

    def was_not_reached(self, points: float) -> None:
        """No connection could be made; the next exchange tells whether only this worker failed."""
        self._report.unreached += points
        self.wanted()

    def reconnected(self) -> None:
        """A connection was made again."""
        self.isolation.restored()
        self.wanted()

    def because(self, cause: str) -> None:
        """Class and status of the last 429 or failure; shown if the account goes out of use."""
        self._report.cause = cause

    # What is known of the account.

    @property
    def cut_off(self) -> str:
        """Why this worker alone is not answered; empty if it is."""
        return self.isolation.cause

    @property
    def spaced(self) -> float:
        """Seconds until the next call may begin, if it need only keep its distance to the last."""
        if self._permits < 1 or self._apart == 0:
            return 0.0
        return max(0.0, self._next_at - self._clock())

    def ran_late(self, seconds: float) -> None:
        """The call that was to begin now is late by `seconds`, and so are those after it."""
        self._late = min(max(0.0, seconds), MOST_LATE_SECONDS)

    @property
    def probing(self) -> bool:
        """Whether the next permit is for a probe."""
        return self._probe

    @property
    def may_retry(self) -> bool:
        """Whether the fleet's budget allows a retry here; a probe needs no budget."""
        return self.status.last is None or self._probe or self._retries >= 1

    @property
    def scarce(self) -> bool:
        """Whether Redis gave less than this worker wanted."""
        last = self.status.last
        return (
            last is None
            or last.permits < self._told.want
            or (self.counts_tokens and last.tokens < self._told.want_tokens)
            or (last.slots is not None and last.slots < self._told.want_slots)
        )

    @property
    def capacity(self) -> int | None:
        """How many jobs to hold; None for as many as may be in flight."""
        if not self.scarce:
            return None
        return self.in_flight + 2 * (self.status.last.permits if self.status.last else 0) + AHEAD

    # What the exchange with Redis needs.

    @property
    def urgent(self) -> bool:
        """Whether there is something to report that all workers should know soon."""
        told = self._report
        trouble = told.trouble or told.unreached
        return bool(told.throttled or trouble or told.pause_ms or told.probe_ok)

    @property
    def holds_slots(self) -> bool:
        """Whether this worker has slots that others may need: it must show that it is alive."""
        return self._slots is not None and (self._slots > 0 or self.in_flight > 0)

    def is_turn_over(self, *, waiting: bool) -> bool:
        """Whether this worker has idle slots that other workers wait for.

        Args:
            waiting: whether a job waits for a permit.
        """
        last, told = self.status.last, self._told
        is_crowded = (
            last is not None and last.slots is not None and 0 < last.slots < told.want_slots
        )
        # If permits are short too, asking sooner brings no more of them.
        has_enough = last is not None and last.permits >= told.want
        return is_crowded and has_enough and self.in_flight == 0 and not (waiting and self.ready)

    @property
    def unreported(self) -> bool:
        """Whether anything happened since the last report."""
        return bool(self.urgent or self._report.began or self._report.ok)

    def report(self, demand: Demand) -> Report:
        """What happened since the last report, and what is wanted; unused permits go back."""
        began = self._report.began
        if self.cut_off:
            # Permits are for workers that can use them: this one wants only its trial's.
            trials = int(self.isolation.trial_due)
            demand = Demand(trials, trials * max(1.0, demand.tokens))
        if self._unanswered:
            # Sent unchanged, as it may have arrived. What happened since follows in the next one.
            told = replace(self._unanswered, want=0, want_tokens=0.0, want_slots=0)
        else:
            told, self._report = self._report, Report(self._lane.value)
            # The fraction stays: while Redis is away it adds up to a permit over several reports.
            told.left, self._permits = int(self._permits), self._permits % 1
            told.left_tokens, self._tokens = self._tokens, 0.0
        told.cut_off = self.cut_off
        told.vain, told.vain_ms = self.isolation.report()
        told.served, told.took_ms = self.rankings.served(), 1000 * self.rankings.took_seconds
        told.refused = self.suspicions.report()
        told.in_flight = self.in_flight
        if demand.calls or began or self.in_flight:
            expected = self._use.expected(began)
            told.want = demand.calls + (0 if self.cut_off else expected)
        a_call = demand.tokens / demand.calls if demand.calls else 0.0
        told.want_tokens = demand.tokens + a_call * (told.want - demand.calls)
        if told.want:
            # Calls that began together end together, so as many begin again.
            slots = max(self._most_in_flight, self.in_flight + told.want)
            told.want_slots = min(self._max_in_flight, slots)
        self._most_in_flight = self.in_flight
        self._told, self._probe = told, False
        return told

    def receive(self, allotment: Allotment) -> None:
        """Take the permits and the news of an exchange."""
        self.status.heard(allotment)
        self._unanswered = None
        self.rankings.heard(allotment)
        most = allotment.limits.concurrency
        self.isolation.told(
            alone=allotment.alone,
            doubted=allotment.doubted,
            took_seconds=allotment.took_ms / 1000,
            is_crowded=most is not None and most <= allotment.others + 1,
        )
        self._hear_verdicts(allotment)
        self._good_until = self.status.heard_at + GOOD_SECONDS
        self._permits += allotment.permits
        self._tokens += allotment.tokens
        self._retries = allotment.retries
        self._slots = allotment.slots
        self._probe = allotment.probe
        # Calls keep a distance: an upstream that counts by the second would refuse bursts.
        share = allotment.rate / (1 if self._lane is Lane.INTERACTIVE else allotment.workers)
        careful = allotment.limited or allotment.rate < UNPROVEN_RATE
        self._apart = 1 / (SPARE * share) if careful else 0.0

    def _hear_verdicts(self, allotment: Allotment) -> None:
        key = self.suspicions.told(allotment.verdicts, others=allotment.others)
        if key is None or self.cut_off:
            return
        # If other keys of the account serve this worker, only this key is avoided.
        if not self.isolation.is_answered_since(self.suspicions.began_at(key)):
            self.isolation.cut_off("key_refused")
            self.suspicions.forget()

    def live_on_little(self, told: Report, elapsed: float, *, may_be_told: bool = False) -> None:
        """Redis is away: keep the report for later, and use a small part of the last known rate.

        Args:
            told: the report that did not arrive.
            elapsed: seconds since the last report.
            may_be_told: whether it may have arrived, so that only the answer was lost.
        """
        kept, debt = 0, 0.0
        if not self._unanswered:
            kept, debt = min(1, told.left), min(told.left_tokens, 0.0)
            if may_be_told:
                rest = told.left - kept, told.left_tokens - debt
                self._unanswered = replace(told, left=rest[0], left_tokens=rest[1])
            else:
                self._report = told.joined(self._report)
        self._good_until = self._clock() + GOOD_SECONDS
        last = self.status.last
        rate = AWAY_SHARE * last.rate / last.workers if last else MOST_AWAY_RATE
        gain = min(rate, MOST_AWAY_RATE) * min(elapsed, 1.0)
        self._permits = min(1.0, self._permits + kept + gain)
        self._tokens += debt or 1.0


def _pause_ms(seconds: float) -> int:
    return int(min(seconds, MOST_PAUSE_SECONDS) * 1000)
