"""`rerankq batch watch`."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Final

import typer

from rerankq.cli import options
from rerankq.cli.asking import ask
from rerankq.cli.batch.cancellation import cancelled
from rerankq.cli.batch.interrupts import Interrupts
from rerankq.cli.batch.obstacles import Obstacle
from rerankq.cli.batch.progress import Standing, View, shown
from rerankq.cli.batch.shown import ending_of, json_of, tally_of
from rerankq.cli.failures import ExitCode
from rerankq.cli.terminal import put, put_json
from rerankq.client import AsyncRerankClient
from rerankq.contract import BatchState, BatchStatus

JSON_SECONDS: Final = 1.0
PLAIN_LOOK_SECONDS: Final = 1.0
"""How often to look, where lines are printed less often: what holds the batch up is said soon."""


def watch(*, batch: options.BatchId, json: options.AsJsonLines = False) -> None:
    """Watch a batch until it has ended, from any terminal, and say why it waits when it does.

    On a terminal it shows a live bar, elsewhere a line now and then; with --json one object for
    each change, at most one a second. Ctrl-C ends the watching only.

    Exit code: 0 all jobs have a ranking; 1 some have none, or the batch was not found; 2 bad
    set-up; 130 the watching was interrupted.
    """
    last = ask(lambda client: _watched(client, batch, json=json))
    if last is None:
        raise typer.Exit(ExitCode.INTERRUPTED)
    if not json:
        put(ending_of(last))
    complete = last.state is BatchState.COMPLETED and last.succeeded + last.existing == last.total
    raise typer.Exit(ExitCode.DONE if complete else ExitCode.NO_RANKING)


async def _watched(client: AsyncRerankClient, batch_id: str, *, json: bool) -> BatchStatus | None:
    """Show how the batch goes on; returns its last status, or None after a signal."""
    batch = client.batch(batch_id)
    if json:
        return await _each(batch.watch(every=JSON_SECONDS), _Objects().show)
    with shown(batch_id, quiet=False) as view:
        every = min(view.seconds, PLAIN_LOOK_SECONDS)
        return await _each(batch.watch(every=every), _Progress(view, batch_id).show)


async def _each(
    statuses: AsyncGenerator[BatchStatus, None], show: Callable[[BatchStatus], None]
) -> BatchStatus | None:
    last = None
    with Interrupts() as interrupts:
        stopping = asyncio.create_task(interrupts.stop.wait())
        try:
            async with aclosing(statuses):
                while not (last and last.state.ended):
                    coming = asyncio.ensure_future(anext(statuses))
                    await asyncio.wait({coming, stopping}, return_when="FIRST_COMPLETED")
                    if not coming.done():
                        await cancelled(coming)
                        return None
                    last = coming.result()
                    show(last)
        finally:
            await cancelled(stopping)
    return last


class _Objects:
    """Prints an object for each change."""

    def __init__(self) -> None:
        self._last: BatchStatus | None = None

    def show(self, batch: BatchStatus) -> None:
        """Print it, if something that does not just go by has changed."""
        passing = dict.fromkeys(("rate", "seconds_left", "kept_until"))
        lasting = batch.model_copy(update=passing)
        if lasting != self._last:
            put_json(json_of(batch))
        self._last = lasting


class _Progress:
    """Shows counts and speed now and then, and at once what has changed or holds the batch up."""

    def __init__(self, view: View, name: str) -> None:
        self._view = view
        self._name = name
        self._state: BatchState | None = None
        self._said: set[Obstacle] = set()
        self._show_at = 0.0

    def show(self, batch: BatchStatus) -> None:
        """Show it."""
        if self._state not in {None, batch.state} and not batch.state.ended:
            self._view.say(f"{self._name}: is {batch.state} now")
        self._state = batch.state
        found = {(each.code, each.account): each.message for each in batch.waits}
        for obstacle in found.keys() - self._said:
            self._view.say(f"rerankq: {found[obstacle]}")
        self._said = set(found)
        now = time.monotonic()
        if now >= self._show_at and not batch.state.ended:
            # Before the update, after which plain lines come less often.
            self._show_at = now + self._view.seconds
            self._view.update(_standing(batch))


def _standing(batch: BatchStatus) -> Standing:
    expected = batch.total if batch.sealed else batch.expected
    return Standing(
        tally_of(batch),
        batch.total,
        batch.sealed,
        None if expected is None else float(max(expected, batch.total)),
        batch.rate or 0.0,
        batch.seconds_left,
    )
