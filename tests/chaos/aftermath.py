"""The evidence at the end of a round: records, calls and times, and figures from them."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from chaos.judge import Record, Verdict
from rerankq.contract import UsageCounts
from running.upstream import Call

MOMENT_SECONDS = 0.05
"""Times are exact to this: a signal and a log line take time to arrive."""
ANSWERED = 200
THROTTLED = 429


@dataclass(frozen=True, slots=True)
class Silence:
    """A period in which a worker began no call, because it was killed or stopped.

    Attributes:
        key: fingerprint of the key that only this worker calls with.
        since: when the worker had ended or stood still, in Unix seconds.
        until: when it went on, or when another process began to call with its key.
        begun: when its process began, if another process had called with its key before.
    """

    key: str
    since: float
    until: float = float("inf")
    begun: float = 0.0


@dataclass(frozen=True, slots=True)
class Aftermath:
    """The evidence of a round.

    Attributes:
        verdict: what the judge found.
        records: the ledger's record of every accepted job at the end.
        calls: what the upstream saw, in the order of arrival.
        accepted: when each submit returned.
        exit_codes: exit codes after SIGTERM of the workers that lived to the end.
        refusals: the errors of the producer's submits.
        restarts: how often each worker of the round replaced itself, also workers that were killed
            later.
        counted: what the ledger has counted of all calls.
    """

    verdict: Verdict
    records: Mapping[str, Record]
    calls: Sequence[Call]
    accepted: Mapping[str, float]
    exit_codes: Sequence[int]
    refusals: Sequence[str]
    restarts: Sequence[int] = ()
    counted: UsageCounts = field(default_factory=UsageCounts)

    def repeats(self) -> Counter[str]:
        """Calls beyond the first, by job; throttled ones are not counted. Their sum is D."""
        calls = Counter(call.job_id for call in self.calls if call.status != THROTTLED)
        return Counter({job_id: count - 1 for job_id, count in calls.items() if count > 1})

    def miscounted(self) -> str:
        """How the counted calls differ from those that the upstream saw; empty if they agree.

        They agree if the upstream saw as many as are certain, and at most the uncertain ones more.
        """
        seen = sum(call.job_id in self.accepted for call in self.calls)
        least, uncertain = self.counted.calls, self.counted.uncertain_calls
        if least <= seen <= least + uncertain:
            return ""
        return f"{seen} calls, counted {least} to {least + uncertain}"

    def in_flight(self, at: float) -> set[str]:
        """Jobs whose call had reached the upstream by that time and whose end was not written."""
        return {
            call.job_id
            for call in self.calls
            if call.arrived <= at + MOMENT_SECONDS and self._finished(call.job_id) > at
        }

    def unwritten(self, silent: Silence) -> set[str]:
        """F: jobs that a worker had called for when it fell silent, with no end in the ledger.

        They are found by the worker's key and not by times: the upstream may read or answer a call
        some time after its caller is gone.
        """
        return {
            call.job_id
            for call in self.calls
            # A job with any other answer had been postponed, so no worker held it.
            if call.key == silent.key
            and silent.begun <= call.arrived < silent.until
            and call.status in {None, ANSWERED}
            and self._finished(call.job_id) > silent.since
        }

    def called_again(self, after: float, job_ids: Iterable[str]) -> set[str]:
        """The jobs among these that were called for again after that time."""
        again = {call.job_id for call in self.calls if call.arrived > after + MOMENT_SECONDS}
        return again & set(job_ids)

    def recovery(self, at: float, job_ids: Iterable[str]) -> float | None:
        """Seconds from the fault to the first end of one of these jobs; None without an end."""
        ends = [end for each in job_ids if (end := self._finished(each)) < float("inf")]
        return min(ends) - at if ends else None

    def took(self, job_id: str) -> float:
        """Seconds from the submission of a job to its end, by Redis' clock."""
        record = self.records[job_id]
        return self._finished(job_id) - record.submitted

    def rate(self, start: float, end: float) -> float:
        """Answers a second between two times."""
        answers = [
            call for call in self.calls if call.answered and start <= (call.ended or 0) < end
        ]
        return len(answers) / (end - start)

    def back_at_rate(self, at: float, rate: float, window: float) -> float:
        """Seconds from `at` to the first window in which the rate is reached again."""
        starts = sorted(call.ended for call in self.calls if call.answered and call.ended)
        for start in starts:
            if start >= at and self.rate(start, start + window) >= rate:
                return start - at
        return float("inf")

    def first_answer(self, after: float) -> float:
        """Seconds from `after` to the first answer to a call that arrived later."""
        ends = [call.ended for call in self.calls if call.arrived > after and call.ended]
        return min(ends, default=float("inf")) - after

    def arrivals(self) -> Mapping[str, Sequence[Call]]:
        """The calls of each job, in order."""
        calls: dict[str, list[Call]] = defaultdict(list)
        for call in self.calls:
            calls[call.job_id].append(call)
        return calls

    def _finished(self, job_id: str) -> float:
        record = self.records.get(job_id)
        return record.finished if record and record.finished else float("inf")
