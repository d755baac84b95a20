"""What the user sees while a batch runs, on stderr: a live bar, or plain lines in a log."""

import asyncio
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import IO, Final, Protocol, cast

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
)
from rich.text import Text

from rerankq.cli.batch.obstacles import Obstacle, obstacles, own_obstacles
from rerankq.cli.batch.pace import Pace, shown_duration, shown_rate
from rerankq.cli.batch.summary import bad_lines, failed_jobs
from rerankq.cli.rows.tally import Tally
from rerankq.cli.terminal import LenientStderr, printable, tell
from rerankq.client import AsyncBatch, AsyncRerankClient
from rerankq.contract import BatchProgress
from rerankq.counting import counted
from rerankq.errors import LedgerUnavailable

LIVE_SECONDS: Final = 0.2
PLAIN_SECONDS: Final = 5.0
MOST_PLAIN_SECONDS: Final = 60.0
PLAIN_GROWTH: Final = 1.2
REMIND_SECONDS: Final = 10.0
"""When no job has ended for this long, the user is asked whether a worker runs."""

LOOK_SECONDS: Final = 2.0
"""How often to look why jobs wait."""


@dataclass(frozen=True, slots=True)
class Standing:
    """The state of a run.

    Attributes:
        tally: rows that can be written, or were: the last sentence of the run counts the same.
        lines: lines submitted so far.
        all_in: whether all lines were submitted.
        expected: how many there will be; None when that is not known.
        rate: jobs that end in a second.
        seconds_left: until all have ended, at that rate; None when that is not known.
    """

    tally: Tally
    lines: int
    all_in: bool
    expected: float | None
    rate: float
    seconds_left: float | None

    def trouble(self) -> str:
        """Failed jobs and bad lines, in the words of the last sentence; empty if there are none."""
        return "; ".join(filter(None, (failed_jobs(self.tally), bad_lines(self.tally))))


class View(Protocol):
    """A way to show progress."""

    seconds: float

    def say(self, line: str) -> None:
        """Show a line that stays."""

    def update(self, standing: Standing) -> None:
        """Show the counts."""


class QuietView:
    """Shows only what went wrong."""

    seconds = PLAIN_SECONDS

    def say(self, line: str) -> None:
        """Show a line that stays."""
        tell(line)

    def update(self, standing: Standing) -> None:
        """Show nothing."""


class PlainView(QuietView):
    """A line now and then, for logs; less often in a long run, so that a log stays small."""

    def __init__(self, name: str) -> None:
        self._name = name

    def update(self, standing: Standing) -> None:
        """Print the counts, if it is time."""
        tell(f"{self._name}: {plain_line(standing)}")
        self.seconds = min(MOST_PLAIN_SECONDS, self.seconds * PLAIN_GROWTH)


def plain_line(standing: Standing) -> str:
    """Counts, rate and remaining time on one line."""
    if standing.all_in:
        total = counted(standing.lines, "line")
    elif standing.expected is None:
        total = f"{counted(standing.lines, 'line')} read so far"
    else:
        total = f"about {standing.expected:.0f} lines"
    parts = [f"{standing.tally.rows} of {total}", standing.trouble()]
    if standing.rate:
        parts.append(f"{shown_rate(standing.rate)} jobs/s")
    if standing.seconds_left is not None:
        parts.append(f"about {shown_duration(standing.seconds_left)} left")
    return ", ".join(filter(None, parts))


class LiveView:
    """A bar with counts, rate and remaining time."""

    seconds = LIVE_SECONDS

    def __init__(self, progress: Progress, name: str) -> None:
        self._progress = progress
        self._task = progress.add_task(name, total=None, trouble="", pace="")

    def say(self, line: str) -> None:
        """Show a line that stays, above the bar."""
        self._progress.console.print(Text(printable(line)), soft_wrap=True)

    def update(self, standing: Standing) -> None:
        """Move the bar."""
        pace = [f"{shown_rate(standing.rate)} jobs/s"] if standing.rate else []
        if standing.seconds_left is not None:
            pace.append(f"{shown_duration(standing.seconds_left)} left")
        self._progress.update(
            self._task,
            completed=standing.tally.rows,
            total=None if standing.expected is None else round(standing.expected),
            pace=", ".join(pace),
            trouble=standing.trouble(),
        )


@contextmanager
def shown(name: str, *, quiet: bool) -> Iterator[View]:
    """The view that suits this terminal."""
    if quiet:
        yield QuietView()
    elif not sys.stderr.isatty():
        yield PlainView(name)
    else:
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[pace]}", style="cyan", markup=False),
            TextColumn("{task.fields[trouble]}", style="red", markup=False),
        )
        console = Console(file=cast("IO[str]", LenientStderr()))
        with Progress(*columns, console=console, transient=True) as progress:
            yield LiveView(progress, name)


async def follow(
    client: AsyncRerankClient,
    batch: AsyncBatch,
    view: View,
    *,
    tally: Callable[[], Tally],
    share_read: Callable[[], float | None],
) -> None:
    """Keep the view up to date until cancelled.

    Args:
        client: where the batch is.
        batch: the batch.
        view: what the user sees.
        tally: the rows so far.
        share_read: how much of the input was read, 0 to 1; None when that is not known.
    """
    clock = asyncio.get_running_loop().time
    remind_at: float | None = clock() + REMIND_SECONDS
    look_at, said, pace = clock() + LOOK_SECONDS, set[Obstacle](), Pace()
    ended_before, own = -1, dict[Obstacle, str]()
    pace.mark(clock(), 0)
    while True:
        await asyncio.sleep(view.seconds)
        # May fail for a moment: feeding and collecting report an outage that lasts.
        with suppress(LedgerUnavailable):
            progress = await batch.progress()
            standing = standing_of(progress, tally(), share_read(), pace, clock())
            ended = standing.tally.succeeded + standing.tally.failed
            is_time_to_look = clock() > look_at
            if is_time_to_look:
                # Not while it moves on, if there was none: to find that out reads many records.
                if own or ended_before in {-1, ended}:
                    own = await own_obstacles(batch)
                ended_before = ended
            if own:
                # By its speed so far it would soon be done.
                standing = replace(standing, seconds_left=None)
            view.update(standing)
            if ended:
                remind_at = None
            elif remind_at and clock() > remind_at:
                view.say("rerankq: no job has ended yet: does a `rerankq worker` use this Redis?")
                remind_at = None
            if is_time_to_look:
                look_at, found = clock() + LOOK_SECONDS, await obstacles(client) | own
                if found:
                    remind_at = None  # the user knows now what the jobs wait for
                for name in found.keys() - said:
                    view.say(f"rerankq: {found[name]}")
                said = set(found)


def standing_of(
    batch: BatchProgress, tally: Tally, share: float | None, pace: Pace, now: float
) -> Standing:
    """The state of a run; `share` of its input was read, 0 to 1, None when that is not known."""
    expected = float(batch.total) if batch.sealed else batch.total / share if share else None
    pace.mark(now, tally.succeeded + tally.failed)
    left = None if expected is None else max(0.0, expected - tally.rows)
    return Standing(tally, batch.total, batch.sealed, expected, pace.rate, pace.seconds_for(left))
