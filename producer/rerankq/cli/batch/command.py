"""Runs a session with a batch: the part that `run`, `results` and `demo` share."""

import dataclasses
import time
from dataclasses import dataclass

from rerankq.cli.batch.collect import Collector
from rerankq.cli.batch.feed import Feed, OnError
from rerankq.cli.batch.incoming import IncomingLines
from rerankq.cli.batch.progress import shown
from rerankq.cli.batch.session import Outcome, Session
from rerankq.cli.batch.waiting_room import Notice
from rerankq.cli.failures import OutputFailed
from rerankq.cli.input.job_input import JobInput
from rerankq.cli.input.job_lines import Defaults
from rerankq.cli.rows.ordered_output import OrderedOutput
from rerankq.cli.rows.output import Output
from rerankq.client import AsyncBatch, AsyncRerankClient, RejectedLine
from rerankq.client.batches.reader import ABANDONED_SECONDS
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
) -> tuple[Outcome, Feed]:
    """Submit the entries of `source`, but for the first `skip`, and write their rankings to `sink`.

    Raises:
        LedgerUnavailable: Redis could not be reached at the start. Nothing was submitted.
    """
    async with AsyncRerankClient(settings=settings.of_operator()) as operator:
        batch = await operator.for_tenant(settings.tenant).open_batch(budget=budget)
        lines = IncomingLines(source.entries(batch_id=batch.id, defaults=defaults, skip=skip))
        with shown(manner.name, quiet=manner.quiet) as view:

            def report(line: RejectedLine) -> None:
                if manner.details:
                    view.say(f"{manner.name}: {line.error.message}")

            if manner.details and not manner.quiet:
                view.say(f"{manner.name}: {batch.id}")
            feed = Feed(
                batch,
                lines,
                on_error=on_error,
                report=report,
                held_up=Notice(lambda said: view.say(f"{manner.name}: {said}")),
            )
            output = OrderedOutput(sink.write, say=lambda said: view.say(f"{manner.name}: {said}"))
            reader = batch.reader(abandoned_after=None)
            session = Session(
                operator,
                batch,
                Collector(reader, output, line_of=feed.adding.line_of),
                feed=feed,
                view=view,
                kept_until=await _kept_until(batch),
                share_read=lambda: source.share_read,
            )
            outcome = await session.run(manner.seconds)
        return _concluded(sink, outcome), feed


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
