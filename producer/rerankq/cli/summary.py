"""What a run came to, in a sentence or as JSON."""

from dataclasses import dataclass

import orjson

from rerankq.cli.collect import Tally


@dataclass(frozen=True, slots=True)
class Summary:
    """The counts of a run and its speed."""

    batch_id: str
    tally: Tally
    seconds: float

    @property
    def jobs(self) -> int:
        """How many jobs there were; bad lines are none."""
        return self.tally.succeeded + self.tally.failed + self.tally.unended

    @property
    def rate(self) -> float:
        """Jobs that ended in a second."""
        return (self.tally.succeeded + self.tally.failed) / max(self.seconds, 0.001)

    def sentence(self, name: str) -> str:
        """One line for people."""
        tally, said = self.tally, self.jobs_sentence(name)
        if tally.rejected:
            said += f"; {tally.rejected} bad {'line' if tally.rejected == 1 else 'lines'}"
        if tally.unended:
            said += f"; {tally.unended} not ended yet"
        return said

    def jobs_sentence(self, name: str) -> str:
        """One line for people, of the jobs alone."""
        done, failed = self.tally.succeeded, self.tally.failed
        return (
            f"{name}: {done} of {self.jobs} jobs done, {failed} failed, "
            f"{shown_rate(self.rate)} jobs/s"
        )

    def part(self, name: str) -> str:
        """One line for people, of a run that was broken off."""
        written = self.tally.succeeded + self.tally.failed + self.tally.rejected
        return f"{name}: {written} {'line' if written == 1 else 'lines'} written so far"

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


def shown_rate(rate: float) -> str:
    """A rate with as many digits as tell something."""
    return f"{rate:.0f}" if rate >= 10 else f"{rate:.1f}"  # noqa: PLR2004
