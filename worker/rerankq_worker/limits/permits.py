"""The permits of one account that this worker holds: calls take them locally, one by one.

No library does this. Well-kept ones ask Redis at each call, or limit a single process, and none
finds an unknown limit by itself; docs/limits.md has the measurements.
"""

import math
import time
from collections.abc import Callable
from typing import Final

from rerankq.accounts.accounts import Allotment, Report
from rerankq.contract import Lane
from rerankq_worker.limits.account_status import AccountStatus
from rerankq_worker.limits.call_spacing import CallSpacing
from rerankq_worker.limits.isolation import Isolation
from rerankq_worker.limits.permit import Demand, Permit
from rerankq_worker.limits.rankings import Rankings
from rerankq_worker.limits.reports import Reports
from rerankq_worker.limits.suspicions import Suspicions
from rerankq_worker.upstream.sites import Account

AHEAD: Final = 10
"""Jobs that a worker holds beyond those that its permits allow, so that no permit goes unused."""
GOOD_SECONDS: Final = 3.0
"""How long permits are valid: after that the account may have been paused, or be out."""
AWAY_SHARE: Final = 0.1
"""While Redis is away, a worker uses this part of an even share of the last known rate."""
MOST_AWAY_RATE: Final = 1.0


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
        self._lane = lane
        self._clock = clock or time.monotonic
        self.reports = Reports(lane, max_in_flight=max_in_flight, clock=self._clock)
        self.rankings = Rankings(endpoint, self._clock)
        self.suspicions = Suspicions(self._clock)
        self.isolation = Isolation(self._clock)
        self._permits = 0.0
        self._tokens = 0.0
        self._retries = 0
        self._slots: int | None = None if account.limits.concurrency is None else 0
        self._probe = False
        self._spacing = CallSpacing(self._clock)
        self.status = AccountStatus(self._clock)
        self._good_until = -math.inf

    @property
    def ready(self) -> bool:
        """Whether a call may begin."""
        return (
            self._permits >= 1
            and not self.isolation.holds
            and self._spacing.next_at <= self._clock() < self._good_until
            and (self._slots is None or self.in_flight < self._slots)
            and (not self.counts_tokens or self._tokens > 0)
        )

    def take(self, tokens: float, *, retry: bool) -> Permit | None:
        """A permit, if there is one."""
        if not self.ready or (retry and not self.may_retry):
            self.reports.ask_soon()
            return None
        reports, told = self.reports, self.reports.new
        self._permits -= 1
        self._spacing.begins()
        self._tokens -= tokens
        self.in_flight += 1
        reports.most_in_flight = max(reports.most_in_flight, self.in_flight)
        told.began += 1
        if retry:
            self._retries -= 1
            told.retries += 1
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
        told = self.reports.new
        told.began = max(0, told.began - 1)
        told.retries = max(0, told.retries - permit.retry)

    def done(self, permit: Permit, cost: float | None = None) -> None:
        """A call has ended; `cost` is its tokens, where the upstream told them."""
        self.in_flight -= 1
        if cost:
            self._tokens += permit.tokens - cost

    def went_well(self, permit: Permit) -> None:
        """The upstream answered as it should."""
        self.isolation.answered()
        told = self.reports.new
        told.astray = 0
        told.ok += 1
        told.probe_ok |= permit.probe
        self.reports.ask_soon()

    def gave_ranking(self, key_id: str = "", began: float | None = None) -> None:
        """The upstream gave a ranking by one of the account's keys.

        Args:
            key_id: fingerprint of the key.
            began: when the call began; now if None.
        """
        is_news = not self.rankings.lately(key_id)
        self.rankings.given(key_id, began)
        self.suspicions.ranked(key_id)
        self.reports.new.ranked = self.rankings.endpoint
        if is_news:
            self.reports.key_proved_good()

    def was_throttled(self, retry_after: float | None) -> None:
        """The upstream asked to slow down, for `retry_after` seconds if it said so."""
        self.isolation.answered()
        self.reports.new.throttled += 1
        # Until all workers have agreed on a lower rate: fewer calls at once than now.
        most = self.in_flight - 1 if self._slots is None else min(self._slots, self.in_flight - 1)
        self._slots = max(1, most)
        if self.reports.new.throttled > 1:
            # Two 429s are no accident. Refusals are fast, so the next call would follow at once.
            self._good_until = -math.inf
        self.reports.was_asked_to_pause(retry_after or 0.0)

    def ask_first(self) -> None:
        """Begin no call before the next exchange, which tells of a breaker that has just opened."""
        self._good_until = -math.inf
        self.reports.ask_soon()

    def reconnected(self) -> None:
        """A connection was made again."""
        self.isolation.restored()
        self.reports.ask_soon()

    # What is known of the account.

    @property
    def cut_off(self) -> str:
        """Why this worker alone is not answered; empty if it is."""
        return self.isolation.cause

    @property
    def spaced(self) -> float:
        """Seconds until the next call may begin, if it need only keep its distance to the last."""
        return self._spacing.seconds if self._permits >= 1 else 0.0

    def ran_late(self, seconds: float) -> None:
        """The call that was to begin now is late by `seconds`, and so are those after it."""
        self._spacing.ran_late(seconds)

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
        last, told = self.status.last, self.reports.sent
        return (
            last is None
            or last.permits < told.want
            or (self.counts_tokens and last.tokens < told.want_tokens)
            or (last.slots is not None and last.slots < told.want_slots)
        )

    @property
    def capacity(self) -> int | None:
        """How many jobs to hold; None for as many as may be in flight."""
        if not self.scarce:
            return None
        return self.in_flight + 2 * (self.status.last.permits if self.status.last else 0) + AHEAD

    # What the exchange with Redis needs.

    @property
    def holds_slots(self) -> bool:
        """Whether this worker has slots that others may need: it must show that it is alive."""
        return self._slots is not None and (self._slots > 0 or self.in_flight > 0)

    def is_turn_over(self, *, waiting: bool) -> bool:
        """Whether this worker has idle slots that others wait for; `waiting`: a job waits here."""
        last, told = self.status.last, self.reports.sent
        if last is None or last.slots is None or self.in_flight:
            return False
        # If permits are short too, asking sooner brings no more of them.
        is_crowded = 0 < last.slots < told.want_slots and last.permits >= told.want
        return is_crowded and not (waiting and self.ready)

    def report(self, demand: Demand) -> Report:
        """What happened since the last report, and what is wanted; unused permits go back."""
        if self.cut_off:
            # Permits are for workers that can use them: this one wants only its trial's.
            trials = int(self.isolation.trial_due)
            demand = Demand(trials, trials * max(1.0, demand.tokens))
        if not self.reports.is_repeat_due:
            new = self.reports.new
            # The fraction stays: while Redis is away it adds up to a permit over several reports.
            new.left, self._permits = int(self._permits), self._permits % 1
            new.left_tokens, self._tokens = self._tokens, 0.0
        told = self.reports.next(demand, in_flight=self.in_flight, may_grow=not self.cut_off)
        told.cut_off = self.cut_off
        told.vain, told.vain_ms = self.isolation.report()
        told.served, told.took_ms = self.rankings.served(), 1000 * self.rankings.took_seconds
        told.refused = self.suspicions.report()
        self._probe = False
        return told

    def receive(self, allotment: Allotment) -> None:
        """Take the permits and the news of an exchange."""
        self.status.heard(allotment)
        self.reports.arrived()
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
        share = allotment.rate / (1 if self._lane is Lane.INTERACTIVE else allotment.workers)
        self._spacing.set_rate(allotment.rate, share, limited=allotment.limited)

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
        kept, debt = self.reports.not_answered(told, may_be_told=may_be_told)
        self._good_until = self._clock() + GOOD_SECONDS
        rate = AWAY_SHARE * self.status.share if self.status.last else MOST_AWAY_RATE
        gain = min(rate, MOST_AWAY_RATE) * min(elapsed, 1.0)
        self._permits = min(1.0, self._permits + kept + gain)
        self._tokens += debt or 1.0
