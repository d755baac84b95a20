"""Rows come as their jobs end, and are written in order."""

import asyncio
import resource
from collections.abc import Iterator

import pytest

from rerankq.cli.rows.ordered_output import NO_ROOM, OrderedOutput
from rerankq.cli.rows.rows import Kind, Row
from rerankq.cli.rows.spool import Spool, SpoolFull
from rerankq.cli.rows.tally import Tally
from rerankq.client.batches.open_entries import OpenEntries
from rerankq.ledger.batch_readings import PAGE


def row(position: int, *, size: int = 0) -> Row:
    kind = Kind.FAILED if position % 7 == 3 else Kind.SUCCEEDED
    return Row(position, kind, f"{position} {'x' * size}\n".encode())


@pytest.fixture
def small_files() -> Iterator[None]:
    """No file of this process may be larger than a megabyte, as on a disk that is full then."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024 * 1024, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_rows_are_written_in_order_whatever_ends_first() -> None:
    """A row that comes before its turn is kept, and counts as ended but not as written."""
    written: list[bytes] = []

    async def played() -> None:
        output, entries = OrderedOutput(written.append, say=lambda _: None), OpenEntries()
        entries.extend(1200)

        async def take(*positions: int) -> None:
            assert await output.take([row(each) for each in positions]) == len(positions)
            for each in positions:
                entries.settle(each)
            assert await output.catch_up(entries.is_waited_for)

        await take(*range(1, 700, 2))
        await take(*range(701, 1200))
        assert (written, output.written, output.ended.rows) == ([], Tally(), 849)
        await take(0, 2)
        assert b"".join(written) == b"0 \n1 \n2 \n3 \n"
        await take(*range(4, 701, 2))
        assert output.written == output.ended
        assert output.next == 1200
        output.close()

    asyncio.run(played())
    assert b"".join(written) == b"".join(row(each).line for each in range(1200))


@pytest.mark.usefixtures("small_files")
def test_a_full_disk_costs_no_row() -> None:
    """A row that cannot be kept is refused, and comes again in order; the user is told once."""
    written: list[bytes] = []
    said: list[str] = []

    async def played() -> None:
        output = OrderedOutput(written.append, say=said.append, spool=lambda: Spool(64 * 1024))
        assert await output.take([row(2, size=100)]) == 1
        taken = [await output.take([row(each, size=10_000)]) for each in range(3, 500)]
        assert sum(taken) < 200
        assert not taken[-1]
        assert await output.take([row(0), row(1), row(3)]) == 2
        assert (output.next, output.ended.rows) == (2, 2)
        assert await output.take([row(2)]) == 1
        output.close()

    asyncio.run(played())
    assert (said, b"".join(written)) == ([NO_ROOM], b"0 \n1 \n2 \n")


@pytest.mark.usefixtures("small_files")
def test_a_spool_says_that_it_is_full() -> None:
    """Beyond its memory it uses the disk, and it maps all errors of SQLite."""
    spool = Spool(64 * 1024)
    with pytest.raises(SpoolFull):
        spool.put([row(each, size=10_000) for each in range(500)])
    spool.close()


def test_open_entries_are_found_page_by_page() -> None:
    """At any time it knows which entries of a growing batch have no row."""
    entries = OpenEntries()
    assert entries.next_page(0) is None
    assert entries.is_waited_for(0)
    for known in (3, PAGE + 2, PAGE + 2, 3 * PAGE):
        entries.extend(known)
    assert (entries.known, entries.pages) == (3 * PAGE, 3)
    for each in (0, 2, *range(PAGE, 2 * PAGE)):
        entries.settle(each)
    assert entries.open_in(0) == [1, *range(3, PAGE)]
    entries.extend(entries.known)
    assert (entries.pages, entries.open_in(1)) == (2, [])
    assert [entries.next_page(each) for each in (0, 1, 2, 3)] == [0, 2, 2, 0]
    assert not entries.is_waited_for(2)
    entries.reopen(2)
    assert entries.open_in(0) == [1, *range(2, PAGE)]
    assert entries.open_in(1) == [*range(PAGE, 2 * PAGE)]
