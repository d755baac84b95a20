"""Whether this worker alone is cut off: its calls fail while other workers' calls are answered.

The failures may be of any kind (no connection, a proxy's page, a reset, no answer). It takes
several jobs in a row that failed here over some time with no call answered, and Redis must say
that other workers were answered in the same time. An upstream that fails only now and then also
answers some of this worker's calls.
"""

import math
from collections.abc import Callable
from typing import Final

PROOF: Final = 8
"""Jobs in a row whose calls failed. If 30 % of all calls fail, this happens once in 15,000 runs."""
PROOF_SECONDS: Final = 1.0
"""The shortest time from the beginning of the first of these calls to the last failure."""
UNREACHED_PROOF: Final = 3
"""Failed connection attempts in a row that are proof by themselves."""
SILENT_WEIGHT: Final = 3
"""A time-out counts as this many jobs if no call was answered here while it lasted."""
SILENT_AGAIN_WEIGHT: Final = 5
"""The same for a call that began after another time-out: with few calls at once, two are proof."""
NEW_WEIGHT: Final = 3
"""Jobs added to the report of a worker that has never been answered."""
HOLD_SECONDS: Final = 0.5
"""How long no call begins after such a time-out: calls that began together time out together."""
FIRST_TRIAL_SECONDS: Final = 2.0
MOST_TRIAL_SECONDS: Final = 64.0
TRIAL_TIMES: Final = 3
"""A trial lasts at most this many times as long as the slowest recent answer of other workers."""
CROWDED_PAUSE: Final = 9
"""After a trial that timed out, the worker pauses for this many times the trial's length if other
workers need its slot."""
MOST_JOBS: Final = 100


class Isolation:
    """The signs that this worker is cut off from an account, and the trials that show it is over.

    Args:
        clock: a monotonic clock in seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.cause = ""
        """Why this worker is cut off; empty while it is not."""
        self.needs_call = False
        """Whether only a call can show that it is over: connections succeed, but calls fail."""
        self.trial_due = False
        """Whether the next call may be a trial, although this worker is cut off."""
        self._clock = clock
        self._jobs: set[str] = set()
        self._weight = 0
        self._unreached = 0
        self._began = self._failed_at = math.inf
        self._silent_at = math.inf
        self._last_cause = ""
        self._answered_at = -math.inf
        self._held_until = -math.inf
        self._doubted = self._reported = False
        self._trial_seconds = FIRST_TRIAL_SECONDS
        self._next_trial_at = -math.inf
        self._most_trial_seconds = MOST_TRIAL_SECONDS
        self._pause = 1

    def now(self) -> float:
        """The present time, by the clock that `began` of a call uses."""
        return self._clock()

    def answered(self) -> None:
        """A call was answered: the connection to the upstream works."""
        self._answered_at = self._clock()
        if self._weight or self.cause:
            self._forget()

    def is_answered_since(self, began: float) -> bool:
        """Whether any call was answered here after that time."""
        return self._answered_at > began

    def restored(self) -> None:
        """A connection was made again."""
        self._forget()

    def failed(
        self, job_id: str, cause: str, *, began: float, silent: bool = False, lost: bool = False
    ) -> None:
        """A call was not answered.

        Args:
            job_id: the call's job; a job that fails again is not counted again.
            cause: class or status of the failure.
            began: when the call began, by `now`.
            silent: whether the call timed out.
            lost: whether no connection could be made.
        """
        self._unreached = self._unreached + 1 if lost else 0
        self._last_cause = cause
        self._began = min(self._began, began)
        self._failed_at = self._clock()
        silent = silent and self._answered_at < began
        weight = 1
        if silent:
            weight = SILENT_AGAIN_WEIGHT if began >= self._silent_at else SILENT_WEIGHT
            self._silent_at = self._failed_at
            self._held_until = self._failed_at + HOLD_SECONDS
        if job_id not in self._jobs and len(self._jobs) < MOST_JOBS:
            self._jobs.add(job_id)
            self._weight += weight

    def told(
        self, *, alone: bool, doubted: bool, took_seconds: float = 0.0, is_crowded: bool = False
    ) -> None:
        """Keep what an exchange with Redis returned.

        Args:
            alone: whether other workers were answered while this one was not.
            doubted: whether failures of this worker, if there are any, are not taken as failures of
                the upstream.
            took_seconds: the longest that answers took lately; 0 if unknown.
            is_crowded: whether there is at most one slot for each worker.
        """
        longest = TRIAL_TIMES * took_seconds or MOST_TRIAL_SECONDS
        self._most_trial_seconds = max(FIRST_TRIAL_SECONDS, min(MOST_TRIAL_SECONDS, longest))
        self._pause = CROWDED_PAUSE if is_crowded else 1
        self._doubted = doubted
        if alone and self._proven and not self.cause:
            self.cut_off(self._last_cause, needs_call=self._unreached < UNREACHED_PROOF)
        elif not alone and (self.cause or (self._reported and not doubted)):
            # Other workers are not answered either, or are gone: the upstream is at fault.
            self._forget()

    def cut_off(self, cause: str, *, needs_call: bool = True) -> None:
        """Mark this worker as cut off."""
        self.cause, self.needs_call = cause, needs_call
        self._trial_seconds = FIRST_TRIAL_SECONDS
        self._next_trial_at = self._clock() + FIRST_TRIAL_SECONDS

    def is_free(self, job_id: str, *, silent: bool = False) -> bool:
        """Whether a failure now costs the job no attempt, as this worker may be at fault.

        Call it before `failed`. Once this worker has been answered, a job that fails a second time
        may itself be at fault, and so may one whose call timed out.
        """
        if self._answered_at == -math.inf:
            return self._doubted
        return self._doubted and not silent and bool(self._jobs) and job_id not in self._jobs

    def report(self) -> tuple[int, float]:
        """How many jobs in a row were not answered here, and for how many ms; 0 after an answer.

        The time begins with the first of these calls. The first failure of a worker that has never
        been answered counts for more, because such a worker is under suspicion at once.
        """
        self._reported = self._weight > 0
        if not self._reported:
            return 0, 0.0
        new = NEW_WEIGHT if self._answered_at == -math.inf else 0
        return self._weight + new, 1000 * max(0.0, self._clock() - self._began)

    @property
    def holds(self) -> bool:
        """Whether no call may begin: this worker is cut off, or a call has just timed out."""
        if self.cause:
            return not self.trial_due
        return self._clock() < self._held_until

    # Trials: single calls that test whether this worker is answered again.

    @property
    def trial_seconds(self) -> float:
        """Time limit of a trial: it doubles after each trial that timed out."""
        return self._trial_seconds

    def offer_trial(self) -> bool:
        """Make the next call a trial, if one is due; returns whether it will be one."""
        if self.cause and self.needs_call and self._clock() >= self._next_trial_at:
            self.trial_due = True
        return self.trial_due

    def begin_trial(self) -> None:
        """The trial begins."""
        self.trial_due = False
        # Trials must keep jobs waiting for less than half of the time.
        self._next_trial_at = self._clock() + 2 * self._trial_seconds

    def put_trial_back(self) -> None:
        """The trial made no call: the next call is the trial."""
        self.trial_due = bool(self.cause)

    def trial_failed(self, *, silent: bool) -> None:
        """This worker is still cut off, or the trial's time limit was too short."""
        self._next_trial_at = self._clock() + FIRST_TRIAL_SECONDS
        if silent:
            self._next_trial_at = self._clock() + self._pause * self._trial_seconds
            self._trial_seconds = min(self._most_trial_seconds, 2 * self._trial_seconds)

    @property
    def _proven(self) -> bool:
        lasted = self._failed_at - self._began
        return self._unreached >= UNREACHED_PROOF or (
            self._weight >= PROOF and lasted >= PROOF_SECONDS
        )

    def _forget(self) -> None:
        self.cause, self.trial_due, self.needs_call = "", False, False
        self._jobs.clear()
        self._weight = self._unreached = 0
        self._reported = False
        self._began = self._failed_at = self._silent_at = math.inf
        self._held_until = -math.inf
