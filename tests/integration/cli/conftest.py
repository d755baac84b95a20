"""Stand-in workers and the command line, on the tests' Redis."""

from collections.abc import Iterator

import pytest

from running.command_line import CommandLine
from running.stand_in_worker import StandInWorker


@pytest.fixture
def worker(redis_url: str) -> Iterator[StandInWorker]:
    """A stand-in worker that ends jobs as they come."""
    with StandInWorker(redis_url) as stand_in:
        yield stand_in


@pytest.fixture
def held_worker(redis_url: str) -> Iterator[StandInWorker]:
    """A stand-in worker that ends no job before `go`."""
    with StandInWorker(redis_url, holds=True) as stand_in:
        yield stand_in


@pytest.fixture
def rerankq(
    redis_url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> CommandLine:
    """The command line on an empty Redis."""
    return CommandLine(redis_url, capsys, monkeypatch)
