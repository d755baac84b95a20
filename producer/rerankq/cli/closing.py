"""The last words of a run: what came of it, how to come back to it, and the exit code."""

import shlex

from rerankq.cli.failures import ExitCode, OutputClosed, OutputFailed, exit_code
from rerankq.cli.feed import Feed
from rerankq.cli.files import STANDARD
from rerankq.cli.session import Outcome
from rerankq.cli.terminal import silence_stdout, tell
from rerankq.cli.times import local_time


def close(
    name: str, outcome: Outcome, *, output: str, feed: Feed | None, quiet: bool, json: bool
) -> ExitCode:
    """Say what is to be said; returns the exit code."""
    if isinstance(outcome.fault, OutputClosed):
        silence_stdout()
        return ExitCode.BROKEN_PIPE
    code = _verdict(outcome, feed)
    for line in _notes(outcome, output, feed):
        tell(f"rerankq: {line}")
    if json:
        tell(outcome.summary.json())
    elif not quiet:
        summary = outcome.summary
        tell(summary.part(name) if outcome.broken_off else summary.sentence(name))
    return code


def _verdict(outcome: Outcome, feed: Feed | None) -> ExitCode:
    if outcome.interrupted:
        return ExitCode.INTERRUPTED
    if outcome.fault:
        return exit_code(outcome.fault)
    if feed and feed.stopped:
        return ExitCode.UNUSABLE
    tally = outcome.summary.tally
    missing = tally.failed + tally.rejected + tally.unended
    return ExitCode.NO_RANKING if missing or _incomplete(outcome) else ExitCode.DONE


def _incomplete(outcome: Outcome) -> bool:
    return outcome.timed_out or outcome.abandoned


def _notes(outcome: Outcome, output: str, feed: Feed | None) -> list[str]:
    notes: list[str] = []
    if outcome.fault:
        notes.append(str(outcome.fault))
    if outcome.timed_out:
        notes.append("not all jobs have ended in time")
    if outcome.abandoned:
        notes.append(
            "this batch is abandoned, never closed and fed by nobody: lines may be missing"
        )
    if outcome.broken_off:
        notes.append(
            f"the jobs run on, and what they come to is kept until {local_time(outcome.kept_until)}"
            f"; come back with: {_way_back(outcome, output)}"
        )
    if feed and not feed.ended:
        notes.append(f"nothing from line {feed.next_line} on was submitted")
    return notes


def _way_back(outcome: Outcome, output: str) -> str:
    to = "" if output == STANDARD else f" -o {shlex.quote(output)}"
    if isinstance(outcome.fault, OutputFailed):
        to = " -o FILE, on a disk with room"
    return f"rerankq results {outcome.summary.batch_id}{to}"
