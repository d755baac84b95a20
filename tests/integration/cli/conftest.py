"""Stand-in workers on the tests' Redis."""

from collections.abc import Iterator

import pytest

from running.stand_in_worker import StandInWorker


@pytest.fixture
def worker(redis_url: str) -> Iterator[StandInWorker]:
    """A stand-in worker that ends jobs as they come."""
    with StandInWorker(redis_url) as stand_in:
        yield stand_in


@pytest.fixture
def held_worker(redis_url: str) -> Iterator[StandInWorker]:
    """A stand-in worker that ends nothing before it is told to go."""
    with StandInWorker(redis_url, holds=True) as stand_in:
        yield stand_in
