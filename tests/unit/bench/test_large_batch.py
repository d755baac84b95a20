"""The checks that the benchmark of a large batch makes while it looks."""

from collections.abc import Iterator
from concurrent.futures import Future
from typing import Any

import pytest

from bench import large_batch
from bench.large_batch import Watch

JOBS = 10


def looks(**counts: int) -> dict[str, Any]:
    names = (
        "queued",
        "running",
        "scheduled",
        "held",
        "succeeded",
        "failed",
        "cancelled",
        "expired",
    )
    return dict.fromkeys((*names, "rejected"), 0) | {"total": JOBS} | counts


class Shown:
    """A batch that is seen as it is told, one look after the other."""

    def __init__(self, *states: dict[str, Any]) -> None:
        self._states = iter(states)

    def hand_in(self, jobs: int) -> None:
        """Nothing: the looks are told."""

    def status(self) -> dict[str, Any]:
        """The next look."""
        return next(self._states)

    def control(self, word: str) -> None:
        """Nothing."""

    def custom_ids(self) -> Iterator[tuple[int, str]]:
        """None."""
        return iter(())


def watched(*states: dict[str, Any]) -> dict[str, Any]:
    whole: Future[float] = Future()
    watch = Watch(Shown(*states), JOBS, whole)
    return watch.until(lambda status: status["succeeded"] == JOBS)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(large_batch, "EVERY_SECONDS", 0.0)


def test_counts_that_add_up_are_taken() -> None:
    """The states add up to the total at each look, and ends only grow."""
    first, last = looks(queued=7, running=2, succeeded=1), looks(succeeded=JOBS)
    assert watched(first, last) == last


@pytest.mark.parametrize(
    "states",
    [
        [looks(queued=7, running=2)],
        [looks(total=JOBS + 1, queued=JOBS + 1)],
        [looks(queued=8, succeeded=2), looks(queued=9, succeeded=1)],
        [looks(total=9, queued=9), looks(total=8, queued=8)],
    ],
    ids=["a job is missing", "more jobs than there are", "an end is taken back", "a job is gone"],
)
def test_a_count_that_is_not_exact_ends_the_measurement(states: list[dict[str, Any]]) -> None:
    """A sum that is not the total, or a count that goes back, is an error."""
    with pytest.raises(ValueError, match=r"counts of|went from"):
        watched(*states, looks(succeeded=JOBS))


def test_an_upload_that_fails_ends_the_measurement() -> None:
    """The watch does not wait for jobs that will never come."""
    failed: Future[float] = Future()
    failed.set_exception(ValueError("413"))
    with pytest.raises(ValueError, match="413"):
        Watch(Shown(), JOBS, failed).until()
