"""Whether this worker alone is cut off from an upstream: its calls fail while others are answered.

Whatever the failures look like (no connection, a proxy's page, a reset, silence), several jobs in a
row must have met them here for a while with none answered, and Redis must say that other workers
were answered in the same time. An upstream that fails now and then answers here as well.
"""

import math
from collections.abc import Callable
from typing import Final

PROOF: Final = 8
"""Jobs in a row whose calls failed: where three calls in ten do, that is one run in 15,000."""
PROOF_SECONDS: Final = 1.0
"""From the first of these calls to the last failure, at least."""
UNREACHED_PROOF: Final = 3
"""Connections in a row that could not be made."""
SILENT_WEIGHT: Final = 3
"""Jobs that a time-out counts for when nothing was answered here during the whole of the call."""
SILENT_AGAIN_WEIGHT: Final = 5
"""And when it began after another one had ended: with few calls at once, two are to be proof."""
NEW_WEIGHT: Final = 3
"""Jobs that are added to the report of a worker that has never been answered."""
HOLD_SECONDS: Final = 0.5
"""How long no call begins after such a time-out: those that began beside it end about now too."""
FIRST_TRIAL_SECONDS: Final = 2.0
MOST_TRIAL_SECONDS: Final = 64.0
TRIAL_TIMES: Final = 3
"""A trial lasts no longer than so many times the longest that others' answers took lately."""
CROWDED_PAUSE: Final = 9
"""Times as long as a silent trial is the pause after it, where its slot is missing elsewhere."""
MOST_JOBS: Final = 100


class Isolation:
    """The signs that this worker is cut off from an account, and how it finds its way back.

    Args:
        clock: seconds that only ever grow.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.cause = ""
        """Why this worker is cut off; empty while it is not."""
        self.needs_call = False
        """Whether only a call can tell that it is over: connections are made, and calls fail."""
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
        """The time, for `began` of a call."""
        return self._clock()

    def answered(self) -> None:
        """A call was answered: the way to the upstream is well."""
        self._answered_at = self._clock()
        if self._weight or self.cause:
            self._forget()

    def is_answered_since(self, began: float) -> bool:
        """Whether any call was answered here after that time."""
        return self._answered_at > began

    def restored(self) -> None:
        """A connection could be made again."""
        self._forget()

    def failed(
        self, job_id: str, cause: str, *, began: float, silent: bool = False, lost: bool = False
    ) -> None:
        """A call was not answered.

        Args:
            job_id: whose; a job that fails again says nothing new of the way.
            cause: class or status of the failure.
            began: when the call did, by `now`.
            silent: whether it ran out of its time.
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
        """Take note of what an exchange with Redis said.

        Args:
            alone: whether others are answered in the time in which this worker is not.
            doubted: whether what fails here is not held against the upstream, or would not be.
            took_seconds: how long answers took lately, at most; 0 where nobody knows.
            is_crowded: whether there is no more than one call at once for each worker.
        """
        longest = TRIAL_TIMES * took_seconds or MOST_TRIAL_SECONDS
        self._most_trial_seconds = max(FIRST_TRIAL_SECONDS, min(MOST_TRIAL_SECONDS, longest))
        self._pause = CROWDED_PAUSE if is_crowded else 1
        self._doubted = doubted
        if alone and self._proven and not self.cause:
            self.cut_off(self._last_cause, needs_call=self._unreached < UNREACHED_PROOF)
        elif not alone and (self.cause or (self._reported and not doubted)):
            # The others are not answered either, or have gone: then it is the upstream.
            self._forget()

    def cut_off(self, cause: str, *, needs_call: bool = True) -> None:
        """It is known that this worker is at fault, and why."""
        self.cause, self.needs_call = cause, needs_call
        self._trial_seconds = FIRST_TRIAL_SECONDS
        self._next_trial_at = self._clock() + FIRST_TRIAL_SECONDS

    def is_free(self, job_id: str, *, silent: bool = False) -> bool:
        """Whether a failure that comes now costs the job no attempt: it may be this worker's.

        To be asked before `failed`. Where others were answered before, a job that fails a second
        time may be its own culprit, and so may one whose call was silent.
        """
        if self._answered_at == -math.inf:
            return self._doubted
        return self._doubted and not silent and bool(self._jobs) and job_id not in self._jobs

    def report(self) -> tuple[int, float]:
        """How many jobs in a row were not answered here, and for how many ms; 0 after an answer.

        The time is from the beginning of the first of these calls. A worker that has never been
        answered is under suspicion at once, so its first failure counts for more.
        """
        self._reported = self._weight > 0
        if not self._reported:
            return 0, 0.0
        new = NEW_WEIGHT if self._answered_at == -math.inf else 0
        return self._weight + new, 1000 * max(0.0, self._clock() - self._began)

    @property
    def holds(self) -> bool:
        """Whether no call may begin: it is cut off, or all calls beside the last may be silent."""
        if self.cause:
            return not self.trial_due
        return self._clock() < self._held_until

    # Trials: single calls that find out whether it is over.

    @property
    def trial_seconds(self) -> float:
        """How long a trial may take: twice as long after each that was too short."""
        return self._trial_seconds

    def offer_trial(self) -> bool:
        """Let the next call be a trial, if it is time for one."""
        if self.cause and self.needs_call and self._clock() >= self._next_trial_at:
            self.trial_due = True
        return self.trial_due

    def begin_trial(self) -> None:
        """The trial is under way."""
        self.trial_due = False
        # Less than half of the time there is a job that waits for it.
        self._next_trial_at = self._clock() + 2 * self._trial_seconds

    def put_trial_back(self) -> None:
        """No call was made."""
        self.trial_due = bool(self.cause)

    def trial_failed(self, *, silent: bool) -> None:
        """It is not over yet, or the call had not enough time."""
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
