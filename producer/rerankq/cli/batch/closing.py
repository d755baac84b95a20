"""The last lines of a run: its result, how to fetch the rest, and the exit code."""

import shlex

from rerankq.cli.batch.feed import Feed
from rerankq.cli.batch.session import Outcome
from rerankq.cli.failures import ExitCode, InputBroken, OutputClosed, OutputFailed, exit_code
from rerankq.cli.input.decompression import UNPACKERS
from rerankq.cli.input.files import STANDARD, STDIN
from rerankq.cli.input.job_input import JobInput
from rerankq.cli.terminal import silence_stdout, tell
from rerankq.cli.times import local_time
from rerankq.counting import counted


def close(
    name: str,
    outcome: Outcome,
    *,
    output: str,
    feed: Feed | None,
    quiet: bool,
    json: bool,
    source: JobInput | None = None,
    checkpoint: str | None = None,
) -> ExitCode:
    """Print the last lines; returns the exit code."""
    gone = isinstance(outcome.fault, OutputClosed)
    if gone:
        silence_stdout()
        if not feed:
            return ExitCode.BROKEN_PIPE
    code = _verdict(outcome, feed)
    for line in _notes(outcome, output, feed, source, checkpoint):
        tell(f"rerankq: {line}")
    if gone:
        return ExitCode.BROKEN_PIPE
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
    return outcome.timed_out or outcome.abandoned or outcome.cut_at is not None


def _notes(
    outcome: Outcome,
    output: str,
    feed: Feed | None,
    source: JobInput | None,
    checkpoint: str | None,
) -> list[str]:
    notes: list[str] = []
    if outcome.fault and not isinstance(outcome.fault, OutputClosed):
        notes.append(str(outcome.fault))
    if outcome.timed_out:
        notes.append("not all jobs have ended in time")
    if outcome.abandoned:
        notes.append(
            f"this batch is abandoned: whoever filled it ended without a word. It has "
            f"{counted(outcome.taken, 'line')}, not counting blank ones; if the input has more, "
            f"submit the rest with: {_rest(outcome.taken + 1, source)}"
        )
    if checkpoint and (outcome.broken_off or (feed and not feed.ended)):
        notes.append(
            "jobs that were submitted continue; their results are kept until "
            f"{local_time(outcome.kept_until)}; the same command, with --checkpoint "
            f"{shlex.quote(checkpoint)}, goes on"
        )
        return notes
    if outcome.broken_off:
        notes.append(
            "the jobs continue; their results are kept until "
            f"{local_time(outcome.kept_until)}; fetch them with: "
            f"{_way_back(outcome, output, source)}"
        )
    cut_at = feed.adding.next_line if feed and not feed.ended else outcome.cut_at
    if cut_at is not None:
        # The command could not unpack a damaged file either.
        is_broken = isinstance(outcome.fault, InputBroken)
        again = "get a complete copy of the input, then " if is_broken else ""
        notes.append(
            f"nothing from {source.unit if source else 'line'} {cut_at} on was submitted; "
            f"{again}submit the rest with: {_rest(cut_at, source)}"
        )
    return notes


def _rest(cut_at: int, source: JobInput | None) -> str:
    """The command that runs the lines that were not submitted."""
    path = "INPUT" if source is None or source.name == STDIN else shlex.quote(source.name)
    if source and source.unit != "line":
        # Its number is that of its place: nothing is left out as blank lines are.
        return f"the same command with --skip {cut_at - 1} and another -o"
    if source and source.compression:
        unpacked = f"{UNPACKERS[source.compression]} {path} | tail -n +{cut_at}"
    else:
        unpacked = f"tail -n +{cut_at} {path}"
    return f"{unpacked} | rerankq run - -o rest.jsonl (and the other options of this command)"


def _way_back(outcome: Outcome, output: str, source: JobInput | None) -> str:
    to = "" if output == STANDARD else f" -o {shlex.quote(output)}"
    if isinstance(outcome.fault, OutputFailed):
        to = " -o FILE, on a disk with free space"
    elif source and source.unit == "query":
        # The ledger does not know the ids of a run's documents.
        to = " -o rows.jsonl, where index is the place of a document in its query of the run"
    return f"rerankq results {outcome.summary.batch_id}{to}"
