"""What the user sees while a batch runs, on stderr: a live bar, or plain lines in a log."""

import asyncio
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final, Protocol

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from rerankq.cli.obstacles import obstacles
from rerankq.cli.summary import shown_rate
from rerankq.cli.terminal import tell
from rerankq.client import AsyncRerankClient
from rerankq.contract import BatchProgress
from rerankq.errors import LedgerUnavailable

LIVE_SECONDS: Final = 0.2
PLAIN_SECONDS: Final = 5.0
REMIND_SECONDS: Final = 10.0
"""How long nothing may end before the user is asked for the worker."""

LOOK_SECONDS: Final = 2.0
"""How often to look for what keeps jobs waiting."""


class View(Protocol):
    """A way to show progress."""

    seconds: float

    def say(self, line: str) -> None:
        """Show a line that stays."""

    def update(self, batch: BatchProgress, expected: float | None) -> None:
        """Show the counts; `expected` is how many entries there will be, as far as is known."""


class QuietView:
    """Shows nothing but what went wrong."""

    seconds = PLAIN_SECONDS

    def say(self, line: str) -> None:
        """Show a line that stays."""
        tell(line)

    def update(self, batch: BatchProgress, expected: float | None) -> None:
        """Show nothing."""


class PlainView(QuietView):
    """A line now and then, for logs."""

    def __init__(self, name: str) -> None:
        self._name = name

    def update(self, batch: BatchProgress, expected: float | None) -> None:
        """Say the counts."""
        total = f"{batch.total:,}" if batch.sealed else f"{batch.total:,} so far"
        left = "" if expected is None or batch.sealed else f", about {expected:,.0f} to come in all"
        tell(f"{self._name}: {batch.ended:,} of {total}, {_failures(batch):,} failed{left}")


class LiveView:
    """A bar with counts, rate and remaining time."""

    seconds = LIVE_SECONDS

    def __init__(self, progress: Progress, name: str) -> None:
        self._progress = progress
        self._task = progress.add_task(name, total=None, failures="")

    def say(self, line: str) -> None:
        """Show a line that stays, above the bar."""
        self._progress.console.print(Text(line), soft_wrap=True)

    def update(self, batch: BatchProgress, expected: float | None) -> None:
        """Move the bar."""
        failures = _failures(batch)
        self._progress.update(
            self._task,
            completed=batch.ended,
            total=batch.total if batch.sealed else expected,
            failures=f"{failures:,} failed" if failures else "",
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
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            _Rate(),
            TextColumn("[dim]left"),
            TimeRemainingColumn(),
            TextColumn("[red]{task.fields[failures]}"),
        )
        with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
            yield LiveView(progress, name)


async def follow(
    client: AsyncRerankClient, batch_id: str, view: View, expected: Callable[[], float | None]
) -> None:
    """Keep the view up to date until cancelled."""
    clock = asyncio.get_running_loop().time
    remind_at: float | None = clock() + REMIND_SECONDS
    look_at, said = clock() + LOOK_SECONDS, set[str]()
    while True:
        await asyncio.sleep(view.seconds)
        # The others find out whether Redis is away for good; a glance may fail.
        with suppress(LedgerUnavailable):
            batch = await client.batches.progress(batch_id)
            share = expected()
            view.update(batch, batch.total / share if share else None)
            if batch.ended > batch.rejected + batch.existing:
                remind_at = None
            elif remind_at and clock() > remind_at:
                view.say("rerankq: no job has ended yet: does a `rerankq worker` use this Redis?")
                remind_at = None
            if clock() > look_at:
                look_at, found = clock() + LOOK_SECONDS, await obstacles(client)
                for name in found.keys() - said:
                    view.say(f"rerankq: {found[name]}")
                said = set(found)


def _failures(batch: BatchProgress) -> int:
    return batch.failed + batch.expired + batch.cancelled + batch.rejected


class _Rate(ProgressColumn):
    """Jobs in a second."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{shown_rate(speed)}/s", style="cyan")
