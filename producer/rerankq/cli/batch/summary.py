"""The result of a run, as a sentence or as JSON."""

from dataclasses import dataclass

import orjson

from rerankq.cli.batch.pace import shown_rate
from rerankq.cli.rows.tally import Tally
from rerankq.counting import counted


@dataclass(frozen=True, slots=True)
class Summary:
    """The counts of a run and its speed."""

    batch_id: str
    tally: Tally
    seconds: float

    @property
    def jobs(self) -> int:
        """How many jobs there were; bad lines do not count."""
        return self.tally.succeeded + self.tally.failed + self.tally.unended

    @property
    def rate(self) -> float:
        """Jobs that ended in a second."""
        return (self.tally.succeeded + self.tally.failed) / max(self.seconds, 0.001)

    def sentence(self, name: str) -> str:
        """One line for people."""
        said = [self.jobs_sentence(name), bad_lines(self.tally)]
        if self.tally.unended:
            said.append(f"{self.tally.unended} not ended yet")
        return "; ".join(filter(None, said))

    def jobs_sentence(self, name: str) -> str:
        """One line for people, about the jobs only."""
        if not self.jobs and self.tally.rejected:
            return f"{name}: no line was a job"
        done, failed = self.tally.succeeded, self.tally.failed
        return (
            f"{name}: {done} of {self.jobs} jobs done, {failed} failed, "
            f"{shown_rate(self.rate)} jobs/s"
        )

    def part(self, name: str) -> str:
        """One line for people, about a run that was broken off."""
        return f"{name}: {counted(self.tally.rows, 'line')} written so far"

    def json(self) -> str:
        """One JSON object for scripts."""
        shown = {
            "batch_id": self.batch_id,
            "jobs": self.jobs,
            "succeeded": self.tally.succeeded,
            "failed": self.tally.failed,
            "not_ended": self.tally.unended,
            "bad_lines": self.tally.rejected,
            "seconds": round(self.seconds, 3),
            "jobs_per_second": round(self.rate, 1),
        }
        return orjson.dumps(shown).decode()


def failed_jobs(tally: Tally) -> str:
    """Jobs without a ranking, for people; empty when there are none."""
    return f"{tally.failed} failed" if tally.failed else ""


def bad_lines(tally: Tally) -> str:
    """Lines that are no jobs, for people; empty when there are none."""
    return counted(tally.rejected, "bad line") if tally.rejected else ""
