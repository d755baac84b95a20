import asyncio
import io
import json
import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from redis import Redis

from rerankq.cli.batch import session
from rerankq.cli.batch.collect import Collector
from rerankq.cli.batch.feed import Feed, OnError
from rerankq.cli.batch.incoming import IncomingLines
from rerankq.cli.batch.unserved import give_up_unserved
from rerankq.cli.input.job_lines import Defaults, entries_of
from rerankq.cli.rows.ordered_output import NO_ROOM, OrderedOutput
from rerankq.cli.rows.spool import Spool, SpoolFull
from rerankq.cli.rows.tally import Tally
from rerankq.client import AsyncRerankClient, RejectedLine
from rerankq.client.batches import BatchLine
from rerankq.client.batches import feed as feeding
from rerankq.contract import CONTRACT_VERSION, Job, JobError, RerankRequest
from rerankq.ledger.batches import ExistingJob
from rerankq.settings import ClientSettings
from running.command_line import CommandLine
from running.ledger_desk import LedgerDesk
from running.stand_in_worker import StandInWorker
from running.waiting import eventually

LINE = b'{"query":"q","documents":["d"]}\n'


def output_to(written: list[bytes]) -> OrderedOutput:
    return OrderedOutput(written.append, say=lambda _: None)


def test_a_batch_that_was_never_closed_has_an_end(redis_url: str) -> None:
    """A batch counts as abandoned after its feeder was silent for a while: its reading ends."""
    written: list[bytes] = []

    async def collected() -> Collector:
        async with AsyncRerankClient(redis_url) as client:
            batch = await client.open_batch()
            line = RejectedLine(line=1, error=JobError(code="invalid_request", message="line 1"))
            await batch.feed().add([BatchLine(1, line)])
            collector = Collector(batch.reader(abandoned_after=0.2), output_to(written))
            await collector.run()
            return collector

    collector = asyncio.run(collected())
    assert collector.reader.abandoned
    assert collector.output.written == Tally(rejected=1)
    assert len(written) == 1


def test_a_line_recorded_twice_is_in_the_batch_once(redis_url: str) -> None:
    """A line that is recorded again after a lost answer is in the batch once."""

    async def recorded() -> tuple[int, int]:
        async with AsyncRerankClient(redis_url) as client:
            batch = await client.open_batch()
            for number in (1, 1, 2, 2):
                error = JobError(code="invalid_request", message="no")
                line = RejectedLine(line=number, error=error)
                await batch.feed().add([BatchLine(number, line)])
            progress = await batch.progress()
            return progress.total, progress.ended

    assert asyncio.run(recorded()) == (2, 2)


@pytest.mark.parametrize(("more", "rest"), [(b"", None), (b"\n\n", None), (LINE, 3)])
def test_a_feed_that_is_halted_behind_the_last_line_has_ended(
    redis_url: str, more: bytes, rest: int | None
) -> None:
    """A feed that ends early leaves no rest, if every line of its input was added by then."""

    class Halting(Feed):
        def _hear_of(self, line: RejectedLine) -> None:
            super()._hear_of(line)
            self.adding.halt()

    async def sealed() -> tuple[bool, int | None]:
        async with AsyncRerankClient(redis_url) as client:
            batch = await client.open_batch()
            source = io.BytesIO(LINE + b"{}\n" + more)
            defaults = Defaults(model="m")
            incoming = IncomingLines(entries_of(source, batch_id=batch.id, defaults=defaults))
            feed = Halting(
                batch,
                incoming,
                on_error=OnError.SKIP,
                report=lambda _: None,
                held_up=lambda _: None,
            )
            await feed.run()
            await feed.seal()
            return feed.ended, await batch.cut_at()

    assert asyncio.run(sealed()) == (rest is None, rest)


def test_a_batch_that_is_held_up_is_waited_for(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A feeder that waits for a full lane still reports, so its batch is not abandoned."""
    monkeypatch.setattr(feeding, "SIGN_SECONDS", 0.05)
    lines = LINE * 3
    written: list[bytes] = []

    async def collected() -> Collector:
        settings = ClientSettings.load(redis_url=redis_url, max_queue_depth=1)
        async with AsyncRerankClient(settings=settings) as client:
            blocker = await client.submit(query="q", documents=["d"])
            batch = await client.open_batch()
            given, defaults = io.BytesIO(lines), Defaults(model="m")
            incoming = IncomingLines(entries_of(given, batch_id=batch.id, defaults=defaults))
            feed = Feed(
                batch,
                incoming,
                on_error=OnError.SKIP,
                report=lambda _: None,
                held_up=lambda _: None,
            )
            fed = asyncio.create_task(feed.run())
            collector = Collector(batch.reader(abandoned_after=0.4), output_to(written))
            collecting = asyncio.create_task(collector.run())
            # Longer than it takes to give up an abandoned batch.
            assert not (await asyncio.wait({collecting}, timeout=1.5))[0]
            await client.cancel(blocker.id)
            with StandInWorker(redis_url):
                await fed
                await feed.seal()
                await collecting
            return collector

    collector = asyncio.run(collected())
    assert not collector.reader.abandoned
    assert collector.output.written == Tally(succeeded=3)


def test_a_report_of_a_feeder_creates_no_batch(redis_url: str) -> None:
    """A feeder's reports and entries use Redis' clock; they do not create a batch that is gone."""
    with LedgerDesk(redis_url) as desk:
        batch = desk.run(desk.batches.open())
        for give in (desk.batches.feeding(batch), _rejected(desk, batch)):
            desk.redis.hset(f"rerankq:batch:{batch}", "fed", desk.now_ms() - 60_000)
            assert 59 < desk.run(desk.batches.unfed_seconds(batch)) < 90
            desk.run(give)
            assert 0 <= desk.run(desk.batches.unfed_seconds(batch)) < 30
        desk.run(desk.batches.feeding("batch-never"))
        assert not desk.redis.exists("rerankq:batch:batch-never")
        assert desk.run(desk.batches.unfed_seconds("batch-never")) == math.inf


async def _rejected(desk: LedgerDesk, batch: str) -> None:
    line = RejectedLine(line=1, error=JobError(code="invalid_request", message="no"))
    await desk.batches.reject(batch, line)


def test_results_of_an_abandoned_batch_are_not_all(
    rerankq: CommandLine, redis_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """`rerankq results` writes what an abandoned batch has, says so, and exits with 1."""
    monkeypatch.setattr("rerankq.cli.batch.command.ABANDONED_SECONDS", 0.2)
    with LedgerDesk(redis_url) as desk:
        batch = desk.run(desk.batches.open())
        desk.succeed(desk.claimed("a", batch_id=batch))
    out = tmp_path / "out.jsonl"
    done = rerankq("results", batch, "-o", str(out))
    assert (done.returncode, out.read_text().count("\n")) == (1, 1)
    assert "this batch is abandoned" in done.stderr
    assert "It has 1 line, not" in done.stderr
    assert "tail -n +2 INPUT | rerankq run" in done.stderr


def test_results_show_what_another_version_wrote_as_failed(
    rerankq: CommandLine, redis_url: str, tmp_path: Path
) -> None:
    """A result that this version cannot read is one failed row; `results` goes on."""
    request = RerankRequest(query="q", documents=("d",))
    with LedgerDesk(redis_url) as desk:
        batch = desk.run(desk.batches.open())
        for name in ("a", "b"):
            desk.submit(Job(id=name, request=request, batch_id=batch))
            desk.succeed(desk.claim(name)[0])
        desk.run(desk.batches.seal(batch))
        with Redis.from_url(redis_url, decode_responses=True) as redis:
            stored = str(redis.get("celery-task-meta-a"))
            redis.set("celery-task-meta-a", stored.replace(f'"{CONTRACT_VERSION}"', '"9.0"'))
    out = tmp_path / "out.jsonl"
    done = rerankq("results", batch, "-o", str(out))
    first, second = map(json.loads, out.read_text().splitlines())
    assert (first["status"], first["error"]["code"]) == ("failed", "unsupported_version")
    assert second["status"] == "succeeded"
    assert done.returncode == 1


def test_with_a_full_disk_rows_are_fetched_again(redis_url: str) -> None:
    """When the disk is full, rows that ended early are fetched again in order."""
    written: list[bytes] = []
    said: list[str] = []

    def full() -> Spool:
        raise SpoolFull

    async def collected(batch: str) -> Collector:
        async with AsyncRerankClient(redis_url) as client:
            output = OrderedOutput(written.append, say=said.append, spool=full)
            collector = Collector(client.batch(batch).reader(abandoned_after=None), output)
            await collector.run()
            return collector

    with LedgerDesk(redis_url) as desk, ThreadPoolExecutor() as pool:
        batch = desk.run(desk.batches.open())
        first, *others = (desk.claimed(name, batch_id=batch) for name in "abc")
        desk.run(desk.batches.seal(batch))
        for lease in others:
            desk.succeed(lease)
        collecting = pool.submit(asyncio.run, collected(batch))
        eventually(lambda: said == [NO_ROOM], "the user is told")
        assert written == []
        desk.succeed(first)
        collector = collecting.result(30)
    assert [json.loads(line)["job_id"] for line in b"".join(written).splitlines()] == [*"abc"]
    assert collector.reader.complete
    assert collector.output.ended == collector.output.written == Tally(succeeded=3)


def test_an_earlier_job_does_not_hide_other_ends(redis_url: str) -> None:
    """A line whose job was accepted before counts as ended; other jobs' ends are still found."""
    with LedgerDesk(redis_url) as desk, ThreadPoolExecutor() as pool:
        batch = desk.run(desk.batches.open())
        earlier = desk.claimed("earlier")
        own = [desk.claimed(name, batch_id=batch) for name in "ab"]
        desk.run(desk.batches.adopt(batch, ExistingJob(job_id="earlier", line=3)))
        desk.run(desk.batches.seal(batch))
        written: list[bytes] = []

        async def collected() -> None:
            async with AsyncRerankClient(redis_url) as client:
                await Collector(
                    client.batch(batch).reader(abandoned_after=None), output_to(written)
                ).run()

        collecting = pool.submit(asyncio.run, collected())
        for at, lease in enumerate(own):
            desk.succeed(lease)
            eventually(lambda: written[at:], "its row is written")  # noqa: B023  called at once
        desk.succeed(earlier)
        collecting.result(30)
        assert len(written) == 3


async def once_all_is_in(client: AsyncRerankClient, has_end: Callable[[], bool]) -> None:
    """Give up as `run` does, but not before its batch is sealed: that may take a while."""
    (batch,) = [each async for each in client.batches()]
    async for status in client.batch(batch.id).watch(every=0.02):
        if status.sealed:
            break
    await give_up_unserved(client, has_end)


def test_a_redis_without_any_worker_is_reported(
    rerankq: CommandLine, redis_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """If no worker ever used the Redis, `run` says what to check, and how to come back."""
    monkeypatch.setattr("rerankq.cli.batch.unserved.UNSERVED_SECONDS", 0.2)
    monkeypatch.setattr("rerankq.cli.batch.unserved.ASK_SECONDS", 0.1)
    monkeypatch.setattr(session, "give_up_unserved", once_all_is_in)
    given = tmp_path / "in.jsonl"
    given.write_text('{"query": "q", "documents": ["d"]}\n')
    done = rerankq("run", str(given))
    assert done.returncode == 2
    assert "rerankq: no worker has ever used this Redis" in done.stderr
    batch = done.stderr.split("rerankq results ")[1].split()[0]
    waited = rerankq("results", batch, "--timeout", "0.5")
    assert "not all jobs have ended in time" in waited.stderr
    with StandInWorker(redis_url):
        assert rerankq("results", batch).returncode == 0
