"""Runs a session with a batch: the part that `run`, `results` and `demo` share."""

import dataclasses
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from rerankq.cli.batch.checkpoint import Checkpoint
from rerankq.cli.batch.collect import Collector
from rerankq.cli.batch.earlier import earlier_of
from rerankq.cli.batch.feed import Feed, OnError
from rerankq.cli.batch.incoming import IncomingLines
from rerankq.cli.batch.progress import View, shown
from rerankq.cli.batch.session import Outcome, Session, joined
from rerankq.cli.batch.waiting_room import Notice
from rerankq.cli.failures import OutputFailed
from rerankq.cli.input.job_input import JobInput
from rerankq.cli.input.job_lines import Defaults
from rerankq.cli.rows.ordered_output import OrderedOutput
from rerankq.cli.rows.output import Output
from rerankq.client import AsyncBatch, AsyncRerankClient, RejectedLine
from rerankq.client.batches import BatchLine
from rerankq.client.batches.reader import ABANDONED_SECONDS
from rerankq.counting import counted
from rerankq.errors import ResultExpired
from rerankq.settings import ClientSettings


@dataclass(frozen=True, slots=True)
class Manner:
    """Options of a session.

    Attributes:
        name: the name before each line of progress.
        quiet: show only what went wrong.
        details: show the batch's id, and each bad line as it comes.
        seconds: time limit; None for none.
    """

    name: str
    quiet: bool = False
    details: bool = True
    seconds: float | None = None


async def run_batch(
    settings: ClientSettings,
    source: JobInput,
    sink: Output,
    manner: Manner,
    *,
    defaults: Defaults,
    on_error: OnError = OnError.SKIP,
    skip: int = 0,
    budget: str | None = None,
    checkpoint: Checkpoint | None = None,
) -> tuple[Outcome, Feed | None]:
    """Submit the entries of `source`, but for the first `skip`, and write their rankings to `sink`.

    With a checkpoint, what its batches have is not submitted again; all rankings are written anew,
    in order. If nothing is left to be submitted, there is no feed.

    Raises:
        CommandError: Redis does not have the jobs of the checkpoint any more.
        LedgerUnavailable: Redis could not be reached at the start. Nothing was submitted.
    """
    async with AsyncRerankClient(settings=settings.of_operator()) as operator:
        client = operator.for_tenant(settings.tenant)
        earlier = await earlier_of(client, checkpoint)
        batches, outcomes, feed = [*earlier.batches], list[Outcome](), None
        with shown(manner.name, quiet=manner.quiet) as view:
            stage = _Stage(operator, sink, view, manner, releases=checkpoint is None)
            if batches and not manner.quiet:
                stage.say(f"{counted(earlier.entries, 'job')} submitted before, not again")
            for batch in earlier.batches:
                outcomes.append(await stage.collect(batch))
                if outcomes[-1].broken_off:
                    break
            if not earlier.whole and not (outcomes and outcomes[-1].broken_off):
                batch = await client.open_batch(budget=budget)
                if checkpoint:
                    checkpoint.began(batch.id)
                batches.append(batch)
                skipped = skip + earlier.entries
                entries = source.entries(batch_id=batch.id, defaults=defaults, skip=skipped)
                feed = stage.feed(batch, entries, on_error)
                feed.adding.next_line = skipped + 1
                outcomes.append(await stage.collect(batch, feed, lambda: source.share_read))
        outcome = _concluded(sink, joined(outcomes))
        if checkpoint and not outcome.broken_off and (not feed or feed.ended):
            for batch in batches:
                await batch.release()
            checkpoint.completed()
        return outcome, feed


class _Stage:
    """What the sessions of one run have in common."""

    def __init__(
        self,
        operator: AsyncRerankClient,
        sink: Output,
        view: View,
        manner: Manner,
        *,
        releases: bool,
    ) -> None:
        self._operator = operator
        self._sink = sink
        self._view = view
        self._manner = manner
        self._releases = releases
        self._ends = None if manner.seconds is None else time.monotonic() + manner.seconds

    def say(self, said: str) -> None:
        """Show the user a line."""
        self._view.say(f"{self._manner.name}: {said}")

    def feed(
        self, batch: AsyncBatch, entries: Iterator[tuple[int, BatchLine]], on_error: OnError
    ) -> Feed:
        """What feeds a batch; its id is shown."""
        if self._manner.details and not self._manner.quiet:
            self.say(batch.id)
        return Feed(
            batch,
            IncomingLines(entries),
            on_error=on_error,
            report=self._report,
            held_up=Notice(self.say),
        )

    async def collect(
        self,
        batch: AsyncBatch,
        feed: Feed | None = None,
        share_read: Callable[[], float | None] = lambda: None,
    ) -> Outcome:
        """Write the rankings of a batch, and feed it meanwhile."""
        output = OrderedOutput(self._sink.write, say=self.say)
        reader = batch.reader(abandoned_after=None)
        line_of = feed.adding.line_of if feed else lambda _: None
        session = Session(
            self._operator,
            batch,
            Collector(reader, output, line_of=line_of),
            feed=feed,
            view=self._view,
            kept_until=await _kept_until(batch),
            share_read=share_read,
            releases=self._releases,
        )
        left = None if self._ends is None else max(0.0, self._ends - time.monotonic())
        return await session.run(left)

    def _report(self, line: RejectedLine) -> None:
        if self._manner.details:
            self.say(line.error.message)


async def fetch_batch(
    settings: ClientSettings, batch_id: str, sink: Output, manner: Manner, *, wait: bool
) -> Outcome:
    """Write the rankings of a batch that was fed before, or that another process feeds now.

    Raises:
        BatchNotFound: no such batch.
        ResultExpired: all its rankings are past their retention. The output is not touched.
        LedgerUnavailable: Redis could not be reached at the start.
    """
    async with AsyncRerankClient(settings=settings.of_operator()) as operator:
        batch = operator.for_tenant(settings.tenant).batch(batch_id)
        await batch.progress()
        if await batch.is_past_retention():
            raise ResultExpired(
                f"all rankings of {batch_id} are past their retention (RERANKQ_BATCH_TTL until all "
                "of them were written, RERANKQ_RESULT_TTL from then on): nothing was written"
            )
        with shown(manner.name, quiet=manner.quiet) as view:
            output = OrderedOutput(sink.write, say=lambda said: view.say(f"{manner.name}: {said}"))
            session = Session(
                operator,
                batch,
                Collector(batch.reader(wait=wait, abandoned_after=ABANDONED_SECONDS), output),
                feed=None,
                view=view,
                kept_until=await _kept_until(batch),
            )
            outcome = await session.run(manner.seconds)
        outcome = _concluded(sink, outcome)
        if outcome.abandoned:
            outcome = dataclasses.replace(outcome, taken=(await batch.progress()).total)
        elif not outcome.broken_off:
            outcome = dataclasses.replace(outcome, cut_at=await batch.cut_at())
        return outcome


def _concluded(sink: Output, outcome: Outcome) -> Outcome:
    """End the output; if that fails, the session was broken off by it."""
    try:
        sink.end(whole=not outcome.broken_off)
    except OutputFailed as fault:
        return dataclasses.replace(outcome, fault=outcome.fault or fault)
    return outcome


async def _kept_until(batch: AsyncBatch) -> float:
    # By the clock of this machine, as it is shown to its user.
    return time.time() + await batch.seconds_left()
