"""Permits of one account, as this worker has them at hand: taken locally, call by call.

No library does this. Those that are well kept ask Redis at each call, or limit one process alone,
and none finds a limit that nobody told; docs/limits.md has the measurements.
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
"""Jobs that a worker holds beyond what its permits are good for, so that none goes unused."""
GOOD_SECONDS: Final = 3.0
"""How long permits are good for: by then the account may have been paused, or be out."""
SLACK_SECONDS: Final = 0.01
"""How far calls may catch up with their times."""
MOST_LATE_SECONDS: Final = 0.25
"""How much more they may, when the event loop was too busy to begin them in time."""
UNPROVEN_RATE: Final = 400.0
"""Calls a second below which an upstream whose limit nobody knows is not trusted with bursts."""
SPARE: Final = 1.05
"""Permits are used by so much faster than they come, or some would be left each time."""
AWAY_SHARE: Final = 0.1
"""Of an even share of the last known rate: what a worker may use while Redis is away."""
MOST_AWAY_RATE: Final = 1.0
MOST_PAUSE_SECONDS: Final = 3600.0


class Permits:
    """The permits of one account. All calls belong to one event loop.

    Args:
        account: the account.
        lane: whose work this worker does.
        max_in_flight: calls that it has under way at most.
        endpoint: see `Rankings`.
        clock: seconds that only ever grow; the monotonic clock if None.
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
        """Called when there is something new to ask or to tell."""
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
        """A permit was taken, and no call made by it."""
        self.in_flight -= 1
        self._permits += 1
        self._tokens += permit.tokens
        self._probe |= permit.probe
        self._retries += permit.retry
        if permit.trial:
            self.isolation.put_trial_back()
        # What was told meanwhile stays told.
        self._report.began = max(0, self._report.began - 1)
        self._report.retries = max(0, self._report.retries - permit.retry)

    def done(self, permit: Permit, cost: float | None = None) -> None:
        """A call has ended; `cost` in tokens, where the upstream said so."""
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
        """The upstream did what it is there for, by one of the account's keys.

        Args:
            key_id: fingerprint of the key.
            began: when the call did; now if None.
        """
        self.rankings.given(key_id, began)
        self.suspicions.ranked(key_id)
        self._report.ranked = self.rankings.endpoint

    def was_throttled(self, retry_after: float | None) -> None:
        """The upstream asked to slow down, for so many seconds if it said so."""
        self.isolation.answered()
        self._report.throttled += 1
        # Until all workers have agreed on less: no more at once than now, without this one.
        most = self.in_flight - 1 if self._slots is None else min(self._slots, self.in_flight - 1)
        self._slots = max(1, most)
        if self._report.throttled > 1:
            # No stray one. A refusal comes at once, so the next call would be there within moments.
            self._good_until = -math.inf
        self.was_asked_to_pause(retry_after or 0.0)

    def was_asked_to_pause(self, seconds: float) -> None:
        """The upstream asked everyone to wait."""
        self._report.pause_ms = max(self._report.pause_ms, _pause_ms(seconds))
        self.wanted()

    def had_trouble(self, points: float, retry_after: float | None = None) -> None:
        """The upstream is to blame for a failure by so many points, and may have asked to wait."""
        told = self._report
        told.trouble += points
        told.trouble_pause_ms = max(told.trouble_pause_ms, _pause_ms(retry_after or 0.0))
        self.wanted()

    def went_astray(self, points: float, retry_after: float | None = None) -> None:
        """Who answered was not the endpoint; a run of such answers takes the site out."""
        self._report.astray += 1
        self.had_trouble(points, retry_after)

    def was_not_reached(self, points: float) -> None:
        """No connection could be made: by nobody, or only from here; the next exchange tells."""
        self._report.unreached += points
        self.wanted()

    def reconnected(self) -> None:
        """A connection could be made again."""
        self.isolation.restored()
        self.wanted()

    def because(self, cause: str) -> None:
        """Class and status of the last 429 or failure: shown should it close the account."""
        self._report.cause = cause

    # What is known of the account.

    @property
    def cut_off(self) -> str:
        """Why this worker is not answered, while others are; else empty."""
        return self.isolation.cause

    @property
    def spaced(self) -> float:
        """Seconds until the next call may begin, where only its distance to the last is missing."""
        if self._permits < 1 or self._apart == 0:
            return 0.0
        return max(0.0, self._next_at - self._clock())

    def ran_late(self, seconds: float) -> None:
        """The call that was to begin now is late by so much, and so are those behind it."""
        self._late = min(max(0.0, seconds), MOST_LATE_SECONDS)

    @property
    def probing(self) -> bool:
        """Whether the permit at hand is a probe's."""
        return self._probe

    @property
    def may_retry(self) -> bool:
        """Whether the fleet's budget of retries allows one here; a probe is not held back by it."""
        return self.status.last is None or self._probe or self._retries >= 1

    @property
    def scarce(self) -> bool:
        """Whether less was given than was wanted."""
        last = self.status.last
        return (
            last is None
            or last.permits < self._told.want
            or (self.counts_tokens and last.tokens < self._told.want_tokens)
            or (last.slots is not None and last.slots < self._told.want_slots)
        )

    @property
    def capacity(self) -> int | None:
        """How many jobs it makes sense to have in hand; None for as many as may be in flight."""
        if not self.scarce:
            return None
        return self.in_flight + 2 * (self.status.last.permits if self.status.last else 0) + AHEAD

    # What the exchange with Redis needs.

    @property
    def urgent(self) -> bool:
        """Whether there is something that all workers should know soon."""
        told = self._report
        trouble = told.trouble or told.unreached
        return bool(told.throttled or trouble or told.pause_ms or told.probe_ok)

    @property
    def holds_slots(self) -> bool:
        """Whether other workers miss slots that this one has: they wait for a sign of life."""
        return self._slots is not None and (self._slots > 0 or self.in_flight > 0)

    def is_turn_over(self, *, waiting: bool) -> bool:
        """Whether slots that others wait for lie idle here.

        Args:
            waiting: whether a job waits for a permit.
        """
        last, told = self.status.last, self._told
        is_crowded = (
            last is not None and last.slots is not None and 0 < last.slots < told.want_slots
        )
        # Where permits are what is short, more of them come no sooner.
        has_enough = last is not None and last.permits >= told.want
        return is_crowded and has_enough and self.in_flight == 0 and not (waiting and self.ready)

    @property
    def unreported(self) -> bool:
        """Whether anything happened since the last report."""
        return bool(self.urgent or self._report.began or self._report.ok)

    def report(self, demand: Demand) -> Report:
        """What happened since the last report, and what is wanted; permits at hand go back."""
        began = self._report.began
        if self.cut_off:
            # What there is, is for those who can use it.
            trials = int(self.isolation.trial_due)
            demand = Demand(trials, trials * max(1.0, demand.tokens))
        if self._unanswered:
            # As it was: it may have arrived. What happened since follows with the next.
            told = replace(self._unanswered, want=0, want_tokens=0.0, want_slots=0)
        else:
            told, self._report = self._report, Report(self._lane.value)
            # The fraction stays: while Redis is away it grows to a permit over several reports.
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
            # Calls that began together end together: the next are as many.
            slots = max(self._most_in_flight, self.in_flight + told.want)
            told.want_slots = min(self._max_in_flight, slots)
        self._most_in_flight = self.in_flight
        self._told, self._probe = told, False
        return told

    def receive(self, allotment: Allotment) -> None:
        """Take the next lot."""
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
        # Not all at once: an upstream that counts by the second would take that amiss.
        share = allotment.rate / (1 if self._lane is Lane.INTERACTIVE else allotment.workers)
        careful = allotment.limited or allotment.rate < UNPROVEN_RATE
        self._apart = 1 / (SPARE * share) if careful else 0.0

    def _hear_verdicts(self, allotment: Allotment) -> None:
        key = self.suspicions.told(allotment.verdicts, others=allotment.others)
        if key is None or self.cut_off:
            return
        # Where other keys of the account serve this worker, it only leaves that one alone.
        if not self.isolation.is_answered_since(self.suspicions.began_at(key)):
            self.isolation.cut_off("key_refused")
            self.suspicions.forget()

    def live_on_little(self, told: Report, elapsed: float, *, may_be_told: bool = False) -> None:
        """Redis is away: keep the report for later, and use a small share of what was known last.

        Args:
            told: the report that did not arrive.
            elapsed: seconds since the last one.
            may_be_told: whether it may have arrived, and only its answer was lost.
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
