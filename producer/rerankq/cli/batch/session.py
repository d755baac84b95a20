"""Feeds, collects and shows progress at the same time, until the end or an interruption."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final

from rerankq.cli.batch.cancellation import cancelled
from rerankq.cli.batch.collect import Collector
from rerankq.cli.batch.feed import Feed
from rerankq.cli.batch.interrupts import Interrupts
from rerankq.cli.batch.progress import View, follow
from rerankq.cli.batch.summary import Summary
from rerankq.cli.batch.unserved import give_up_unserved
from rerankq.cli.rows.tally import Tally
from rerankq.client import AsyncBatch, AsyncRerankClient
from rerankq.client.patience import patiently
from rerankq.errors import LedgerUnavailable, RerankqError

HALT_SECONDS: Final = 3.0
"""How long an interruption waits for the portion that is being recorded."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a session ended.

    Attributes:
        summary: what was written.
        interrupted: by Ctrl-C, SIGTERM or SIGHUP.
        timed_out: not all had ended in time.
        fault: the error that broke it off, if there was one.
        abandoned: whether the batch was never sealed, and nobody feeds it any more.
        kept_until: until when the batch and its results are kept, in Unix seconds.
        cut_at: the first line of input that was not submitted; None when all were.
        taken: of an abandoned batch, how many lines are in it.
    """

    summary: Summary
    interrupted: bool
    timed_out: bool
    fault: RerankqError | None
    abandoned: bool
    kept_until: float
    cut_at: int | None = None
    taken: int = 0

    @property
    def broken_off(self) -> bool:
        """Whether there is more to be written."""
        return self.interrupted or self.timed_out or self.fault is not None


class Session:
    """Runs one batch for a user.

    Args:
        client: the operator's client, which knows what jobs wait for.
        batch: the batch.
        collector: writes its output.
        feed: adds jobs; None for a batch that was fed before, or by another process.
        view: what the user sees.
        kept_until: until when the batch and its results are kept, in Unix seconds.
        share_read: how much of the input was read, 0 to 1; None when that is not known.
        releases: whether the rankings need be kept no longer once all are written.
    """

    def __init__(
        self,
        client: AsyncRerankClient,
        batch: AsyncBatch,
        collector: Collector,
        *,
        feed: Feed | None,
        view: View,
        kept_until: float,
        share_read: Callable[[], float | None] = lambda: None,
        releases: bool = True,
    ) -> None:
        self._client = client
        self._batch = batch
        self._collector = collector
        self._feed = feed
        self._view = view
        self._kept_until = kept_until
        self._share_read = share_read
        self._releases = releases

    async def run(self, seconds: float | None) -> Outcome:
        """Run until all is written, `seconds` have passed, or Ctrl-C."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        showing = asyncio.create_task(
            follow(
                self._client,
                self._batch,
                self._view,
                tally=lambda: self._collector.output.ended,
                share_read=self._share_read,
            )
        )
        fault: RerankqError | None = None
        done = False
        with Interrupts() as interrupts:
            try:
                done = await self._work(interrupts.stop, seconds)
            except RerankqError as error:
                fault = error
            finally:
                took = loop.time() - began
                await cancelled(showing)
            if done and self._releases and self._collector.reader.complete:
                await self._released(interrupts.stop)
            stopped = interrupts.stop.is_set()
        return Outcome(
            Summary(self._batch.id, self._collector.output.written, took),
            interrupted=stopped and not done,
            timed_out=not (done or stopped or fault),
            fault=fault,
            abandoned=self._collector.reader.abandoned,
            kept_until=self._kept_until,
        )

    async def _work(self, stop: asyncio.Event, seconds: float | None) -> bool:
        """Return whether all was written; if not, a signal came, or the time is over."""
        feeding = asyncio.create_task(self._fed())
        collecting = asyncio.create_task(self._collector.run())
        stopping = asyncio.create_task(stop.wait())
        unserved = asyncio.create_task(self._unserved(seconds))
        work = asyncio.gather(feeding, collecting)
        try:
            either: set[asyncio.Future[Any]] = {work, stopping, unserved}
            await asyncio.wait(either, timeout=seconds, return_when="FIRST_COMPLETED")
            if work.done():
                work.result()
            elif unserved.done():
                unserved.result()
            return work.done()
        finally:
            await cancelled(stopping, collecting, unserved)
            await self._halted(feeding)
            await cancelled(work)

    async def _unserved(self, seconds: float | None) -> None:
        if seconds is None:  # with --timeout the user has said how long to wait
            output = self._collector.output
            await give_up_unserved(
                self._client, lambda: output.ended.succeeded + output.ended.failed > 0
            )
        await asyncio.Event().wait()

    async def _released(self, stop: asyncio.Event) -> None:
        releasing = asyncio.create_task(self._batch.release())
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait((releasing, stopping), return_when="FIRST_COMPLETED")
        await cancelled(releasing, stopping)

    async def _fed(self) -> None:
        if self._feed:
            await self._feed.run()
            await patiently(self._feed.seal)

    async def _halted(self, feeding: asyncio.Task[None]) -> None:
        """End the feeding now, and seal the batch."""
        if not self._feed or _succeeded(feeding):
            return
        self._feed.adding.halt()
        await asyncio.wait({feeding}, timeout=HALT_SECONDS if self._feed.adding.is_recording else 0)
        await cancelled(feeding)
        with suppress(LedgerUnavailable):
            await self._feed.adding.look_up()
            await self._feed.seal()


def joined(outcomes: Sequence[Outcome]) -> Outcome:
    """How a run of several sessions ended: as the last of them, with the rows of all."""
    tally = Tally()
    for each in outcomes:
        rows = each.summary.tally
        tally.succeeded += rows.succeeded
        tally.failed += rows.failed
        tally.rejected += rows.rejected
        tally.unended += rows.unended
    seconds = sum(each.summary.seconds for each in outcomes)
    last = outcomes[-1]
    return replace(last, summary=Summary(last.summary.batch_id, tally, seconds))


def _succeeded(task: asyncio.Task[None]) -> bool:
    return task.done() and not task.cancelled() and task.exception() is None
