"""The jobs of checked files, kept until they are submitted."""

import asyncio
import tempfile
from typing import Any

import pytest

from rerankq.client.prepared import PreparedJob
from rerankq_gateway.batches.checked import MOST_KEPT, CheckedJobs
from rerankq_gateway.lines import BadLine, Spool


def kept(jobs: CheckedJobs, batch_id: str, count: int) -> None:
    jobs.begin(batch_id)
    for line in range(1, count + 1):
        jobs.add(batch_id, line, PreparedJob(f"{batch_id}-{line}", {"id": str(line)}, b"{}"))


def lines_of(spool: Spool | None, start: int = 0) -> list[int]:
    async def read() -> list[int]:
        assert spool
        found: list[tuple[int, PreparedJob | BadLine]] = []
        async for portion in spool.entries(start=start):
            found += portion
        return [line for line, _ in found]

    return asyncio.run(read())


def test_what_was_checked_is_read_as_often_as_needed_from_any_line_on() -> None:
    """A slice of the work may end anywhere: the next one reads the rest."""
    jobs = CheckedJobs()
    kept(jobs, "b", 250)
    assert lines_of(jobs.of("b", 250)) == [*range(1, 251)]
    assert lines_of(jobs.of("b", 250), start=248) == [249, 250]
    jobs.drop("b")
    assert jobs.of("b", 250) is None


def test_jobs_that_are_not_all_kept_are_not_used() -> None:
    """Without all jobs there are none: they are made again from the file's lines."""
    jobs = CheckedJobs()
    kept(jobs, "b", 2)
    assert jobs.of("b", 3) is None
    assert jobs.of("unknown", 0) is None
    jobs.drop("b")


def test_only_the_jobs_of_the_last_files_are_kept() -> None:
    """The files on disk are bounded, however many imports wait for their turn."""
    jobs = CheckedJobs()
    for number in range(MOST_KEPT + 1):
        kept(jobs, str(number), 1)
    assert jobs.of("0", 1) is None
    assert all(jobs.of(str(number), 1) for number in range(1, MOST_KEPT + 1))
    for number in range(1, MOST_KEPT + 1):
        jobs.drop(str(number))


def test_a_full_disk_only_costs_the_saving(monkeypatch: pytest.MonkeyPatch) -> None:
    """When they cannot be kept, nothing is raised, and nothing is used."""

    def full(**_: Any) -> Any:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    jobs = CheckedJobs()
    kept(jobs, "b", 2)
    assert jobs.of("b", 2) is None
