"""A batch with all its parts wired: what `run`, `results` and `demo` have in common."""

import dataclasses
import time
from dataclasses import dataclass
from typing import Final

from rerankq.cli.batch.collect import Collector, all_gone
from rerankq.cli.batch.feed import Feed, OnError
from rerankq.cli.batch.incoming import IncomingLines
from rerankq.cli.batch.progress import shown
from rerankq.cli.batch.session import Outcome, Session
from rerankq.cli.batch.waiting_room import Notice
from rerankq.cli.input.drafts import Defaults
from rerankq.cli.input.files import Sink, Source
from rerankq.cli.rows.ordered_output import OrderedOutput
from rerankq.client import AsyncRerankClient
from rerankq.errors import ResultExpired
from rerankq.ledger.batches import RejectedLine
from rerankq.settings import ClientSettings

ABANDONED_SECONDS: Final = 10.0
"""How long the feeder of a batch that was never sealed may be silent before it counts as dead."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How to go about a batch.

    Attributes:
        name: what progress is shown under.
        quiet: show nothing but what went wrong.
        details: tell the batch's id, and each bad line as it comes.
        seconds: most time to take; None for as long as it takes.
    """

    name: str
    quiet: bool = False
    details: bool = True
    seconds: float | None = None


async def run_batch(
    settings: ClientSettings,
    source: Source,
    sink: Sink,
    manner: Manner,
    *,
    defaults: Defaults,
    on_error: OnError = OnError.SKIP,
) -> tuple[Outcome, Feed]:
    """Submit the lines of `source` and write their rankings to `sink`.

    Raises:
        LedgerUnavailable: Redis could not be reached at the start. Nothing was submitted.
    """
    async with AsyncRerankClient(settings=settings) as client:
        batch_id = await client.batches.open()
        lines = IncomingLines(source, batch_id=batch_id, defaults=defaults)
        with shown(manner.name, quiet=manner.quiet) as view:

            def report(line: RejectedLine) -> None:
                if manner.details:
                    view.say(f"{manner.name}: {line.error.message}")

            if manner.details and not manner.quiet:
                view.say(f"{manner.name}: {batch_id}")
            feed = Feed(
                client,
                batch_id,
                lines,
                on_error=on_error,
                report=report,
                held_up=Notice(lambda said: view.say(f"{manner.name}: {said}")),
            )
            output = OrderedOutput(sink.write, say=lambda said: view.say(f"{manner.name}: {said}"))
            collector = Collector(client, batch_id, output, line_of=feed.line_of)
            session = Session(
                client,
                batch_id,
                collector,
                feed=feed,
                view=view,
                kept_until=await _kept_until(client, batch_id),
                share_read=lambda: source.share_read,
            )
            outcome = await session.run(manner.seconds)
        sink.end(whole=not outcome.broken_off)
        return outcome, feed


async def fetch_batch(
    settings: ClientSettings, batch_id: str, sink: Sink, manner: Manner, *, wait: bool
) -> Outcome:
    """Write the rankings of a batch that was fed before, or is being fed elsewhere.

    Raises:
        BatchNotFound: no such batch.
        ResultExpired: all its rankings are past their retention. The output is left as it is.
        LedgerUnavailable: Redis could not be reached at the start.
    """
    async with AsyncRerankClient(settings=settings) as client:
        await client.batches.progress(batch_id)
        if await all_gone(client, batch_id):
            raise ResultExpired(
                f"all rankings of {batch_id} are past their retention (RERANKQ_BATCH_TTL until "
                "they were written in whole, RERANKQ_RESULT_TTL from then on): nothing was written"
            )
        with shown(manner.name, quiet=manner.quiet) as view:
            output = OrderedOutput(sink.write, say=lambda said: view.say(f"{manner.name}: {said}"))
            collector = Collector(
                client, batch_id, output, wait=wait, abandoned_after=ABANDONED_SECONDS
            )
            session = Session(
                client,
                batch_id,
                collector,
                feed=None,
                view=view,
                kept_until=await _kept_until(client, batch_id),
            )
            outcome = await session.run(manner.seconds)
        sink.end(whole=not outcome.broken_off)
        if not outcome.broken_off:
            cut_at = await client.batches.cut_at(batch_id)
            outcome = dataclasses.replace(outcome, cut_at=cut_at)
        return outcome


async def _kept_until(client: AsyncRerankClient, batch_id: str) -> float:
    # By the clock of whoever is told.
    return time.time() + await client.batches.seconds_left(batch_id)
